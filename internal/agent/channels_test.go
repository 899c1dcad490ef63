package agent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"edgec/internal/fleet"
	"edgec/internal/fleet/natstest"
	"edgec/internal/registry"
)

// ociRegistry starts a registry on the loopback and returns a name in it.
func ociRegistry(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(ociserver.New(ocimem.New(), nil))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://") + "/models/digits"
}

func onRegistry(t testing.TB, ref string) fleet.Channel {
	t.Helper()
	c, err := fleet.NewRegistry(registry.New(registry.Options{}), ref)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func onNATS(t testing.TB, address string) fleet.Channel {
	t.Helper()
	c, err := fleet.NewNATS(address, fleet.NATSOptions{Client: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// channels calls f with an empty channel of each kind.
func channels(t *testing.T, f func(t *testing.T, c fleet.Channel)) {
	t.Run("folder", func(t *testing.T) { f(t, fleet.NewFolder(t.TempDir())) })
	t.Run("registry", func(t *testing.T) { f(t, onRegistry(t, ociRegistry(t)+":fleet")) })
	t.Run("layout", func(t *testing.T) { f(t, onRegistry(t, "oci:"+t.TempDir()+"/site:fleet")) })
	t.Run("NATS", func(t *testing.T) { f(t, onNATS(t, natstest.Start(t)+"/cameras")) })
}

// Every channel carries documents and files, and says what is not there.
func TestChannels(t *testing.T) {
	first, second := []byte("a document"), []byte("another document")
	a, b := []byte("file a"), bytes.Repeat([]byte("file b"), 100_000)
	channels(t, func(t *testing.T, c fleet.Channel) {
		ctx := t.Context()
		if _, err := c.Document(ctx); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no document: %v", err)
		}
		if _, err := c.File(ctx, checksum(a), 6); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("no file: %v", err)
		}
		for _, data := range [][]byte{a, b, b} {
			if err := c.Put(ctx, checksum(data), data); err != nil {
				t.Fatal(err)
			}
		}
		for _, document := range [][]byte{first, second} {
			if err := c.Publish(ctx, document); err != nil {
				t.Fatal(err)
			}
			if has, err := c.Document(ctx); err != nil || !bytes.Equal(has, document) {
				t.Errorf("%q, %v", has, err)
			}
		}
		for _, data := range [][]byte{a, b} {
			if has, err := fleet.Get(ctx, c, checksum(data), int64(len(data))); err != nil || !bytes.Equal(has, data) {
				t.Errorf("%d bytes, %v", len(has), err)
			}
		}
		if data, err := fleet.Get(ctx, c, checksum(b), 1000); err == nil {
			t.Errorf("a file of another length: %d bytes", len(data))
		}
		if err := c.Prune(ctx, map[string]bool{checksum(b): true}); err != nil {
			t.Fatal(err)
		}
		_, err := c.File(ctx, checksum(a), int64(len(a)))
		_, kept := fleet.Get(ctx, c, checksum(b), int64(len(b)))
		if gone := errors.Is(err, fs.ErrNotExist); kept != nil || !gone && !errors.Is(c.Report(ctx, "pi", nil), fleet.ErrNoReports) {
			t.Errorf("after removing a file: %v, %v", err, kept)
		}
		waits(t, c)
	})
}

// waits changes the document while the channel is waited for. A registry says nothing.
func waits(t *testing.T, c fleet.Channel) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	longest := 10 * time.Second
	if errors.Is(c.Report(ctx, "pi", nil), fleet.ErrNoReports) {
		longest = 10 * time.Millisecond
	}
	done := make(chan error, 1)
	began := time.Now()
	go func() { done <- c.Wait(ctx, longest) }()
	time.Sleep(30 * time.Millisecond)
	if err := c.Publish(ctx, []byte("a third")); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || time.Since(began) > 8*time.Second {
		t.Errorf("waited %v: %v", time.Since(began), err)
	}
	cancel()
	if err := c.Wait(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// Reports come back with the time of the channel; what is none is counted.
func TestChannelReports(t *testing.T) {
	address := natstest.Start(t) + "/cameras"
	folder := t.TempDir()
	for name, c := range map[string]fleet.Channel{"folder": fleet.NewFolder(folder), "NATS": onNATS(t, address)} {
		ctx := t.Context()
		if all, _, err := c.Reports(ctx); err != nil || len(all) > 0 {
			t.Errorf("%s: %v, %v", name, all, err)
		}
		if err := c.Prepare(ctx); err != nil {
			t.Fatal(err)
		}
		good := fleet.Report{Device: "pi-1", Fleet: "test", State: fleet.Failed, Cause: "a\x1b[31m\nb" + strings.Repeat("x", 2000), Version: 2}
		data, err := good.Encode()
		if err != nil {
			t.Fatal(err)
		}
		bad := [][]byte{[]byte("{"), data, []byte(`{"schema":1,"device":"bad-2","fleet":"test","state":"fine"}`), bytes.Repeat([]byte(" "), fleet.MostReport+1), []byte(`{"schema":1,"device":"bad-4","fleet":"test","state":"running","version_number":-1}`)}
		if err := c.Report(ctx, "pi-1", data); err != nil {
			t.Fatal(err)
		}
		for i, data := range bad {
			if err := c.Report(ctx, fmt.Sprintf("bad-%d", i), data); err != nil {
				t.Fatal(err)
			}
		}
		all, dropped, err := c.Reports(ctx)
		if err != nil || len(all) != 1 || dropped != len(bad) || all[0].Device != "pi-1" || time.Since(all[0].At).Abs() > time.Minute {
			t.Fatalf("%s: %v, %d, %v", name, all, dropped, err)
		}
		if cause := all[0].Cause; strings.ContainsAny(cause, "\x1b\n") || len(cause) > 1000 {
			t.Errorf("%s: %q", name, cause)
		}
	}
}

// Addresses and errors of NATS.
func TestNATSAddresses(t *testing.T) {
	for _, address := range []string{"nats://", "nats://host", "nats://host/a/b", "nats://host/a b", "http://host/a", "nats://host/a?b=c", "tls://me:secret@/a"} {
		if _, err := fleet.NewNATS(address, fleet.NATSOptions{}); err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", address, err)
		}
	}
	for _, user := range []string{"me:secret", "secret"} { // a token has no name
		c := onNATS(t, "nats://"+user+"@127.0.0.1:1/cameras")
		if _, err := c.Document(t.Context()); err == nil || strings.Contains(err.Error(), "secret") || !strings.Contains(err.Error(), "127.0.0.1:1/cameras") {
			t.Errorf("%v", err)
		}
	}
}

// A document that is too long for a device is refused by its length.
func TestNATSLimits(t *testing.T) {
	address := natstest.Start(t)
	conn, err := nats.Connect(address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	stream, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	keys, err := stream.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "edgec-cameras"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := keys.Put(t.Context(), "desired", make([]byte, fleet.MostDocument+1)); err != nil {
		t.Fatal(err)
	}
	var foreign *fleet.ForeignError
	if _, err := onNATS(t, address+"/cameras").Document(t.Context()); !errors.As(err, &foreign) {
		t.Errorf("%v", err)
	}
}

// A server that restarts with what it has kept is found again.
func TestNATSRestarts(t *testing.T) {
	folder := t.TempDir()
	server := natstest.Restart(t, folder, -1)
	address := server.ClientURL()
	c := onNATS(t, address+"/cameras")
	if err := c.Publish(t.Context(), []byte("first")); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Document(t.Context()); err != nil {
		t.Fatal(err)
	}
	port := server.Addr().String()
	server.Shutdown()
	server.WaitForShutdown()
	var number int
	if _, err := fmt.Sscanf(port[strings.LastIndexByte(port, ':')+1:], "%d", &number); err != nil {
		t.Fatal(err)
	}
	natstest.Restart(t, folder, number)
	var data []byte
	var err error
	for range 100 {
		if data, err = c.Document(t.Context()); err == nil {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	if err != nil || string(data) != "first" {
		t.Errorf("%q, %v", data, err)
	}
}

// A folder that cannot be written is told.
func TestFolderErrors(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	c := fleet.NewFolder(file)
	if err := c.Publish(t.Context(), nil); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("%v", err)
	}
	if err := c.Report(t.Context(), "pi", nil); err == nil {
		t.Error("a report went into a file")
	}
}

// A server that has lost all it had takes reports again, and tells of the next document.
func TestNATSForgets(t *testing.T) {
	server := natstest.Restart(t, t.TempDir(), -1)
	address := server.ClientURL() + "/cameras"
	operator, device := onNATS(t, address), onNATS(t, address)
	if err := errors.Join(operator.Publish(t.Context(), []byte("first")), device.Report(t.Context(), "pi", []byte("{}"))); err != nil {
		t.Fatal(err)
	}
	if _, err := device.Document(t.Context()); err != nil {
		t.Fatal(err)
	}
	port := server.Addr().(*net.TCPAddr).Port
	server.Shutdown()
	server.WaitForShutdown()
	natstest.Restart(t, t.TempDir(), port)
	again := func(what string, do func() error, want error) {
		t.Helper()
		var err error
		for range 100 {
			if err = do(); err == nil && want == nil || want != nil && errors.Is(err, want) {
				return
			}
			time.Sleep(100 * time.Millisecond)
		}
		t.Errorf("%s: %v", what, err)
	}
	again("document", func() error { _, err := device.Document(t.Context()); return err }, fs.ErrNotExist)
	again("report", func() error { return device.Report(t.Context(), "pi", []byte("{}")) }, nil)
	told := make(chan time.Duration, 1)
	go func() {
		began := time.Now()
		_ = device.Wait(t.Context(), 20*time.Second)
		told <- time.Since(began)
	}()
	time.Sleep(time.Second)
	again("publish", func() error { return operator.Publish(t.Context(), []byte("second")) }, nil)
	if took := <-told; took > 15*time.Second {
		t.Errorf("the device was not told for %v", took)
	}
	if data, err := device.Document(t.Context()); err != nil || string(data) != "second" {
		t.Errorf("%q, %v", data, err)
	}
}
