package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"edgec/export"
	"edgec/internal/testnet"
	"edgec/runtime/program"
)

// A server whose connections are all taken, by clients that send nothing more, stops in time.
func TestStopWithAllConnections(t *testing.T) {
	built = program.Program{Model: corner(t)}
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	ended := make(chan error, 1)
	o := options{listen: "127.0.0.1:0", workers: 1, maxBody: 1000, maxPixels: 1, timeout: time.Minute, drain: 10 * time.Second}
	go func() { ended <- run(ctx, func() {}, o, w) }()
	var url string
	if _, err := fmt.Fscanf(r, "serving corner net at http://%s 1 workers\n", &url); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, r)
	for range connections {
		c, err := net.Dial("tcp", strings.TrimSuffix(url, ","))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
		if _, err := c.Read(make([]byte, 1)); err != nil { // it is idle now
			t.Fatal(err)
		}
	}
	cancel()
	select {
	case err := <-ended:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(5 * time.Second):
		t.Error("it has not stopped")
	}
}

// Whatever name a model has, the server starts and describes it.
func TestModelNames(t *testing.T) {
	for _, name := range []string{".", "..", "a/b", "{x}", "{x...}", "{$}", "a b", "a%2Fb", "ä", "a\nb", "?", "a//b/../c"} {
		data, _, err := export.Encode(testnet.Corner(name))
		if err != nil {
			t.Logf("%q: %v", name, err)
			continue
		}
		built = program.Program{Model: data}
		s, err := newServer(options{workers: 1, queue: 1, maxBody: 1000, maxPixels: 100, timeout: time.Second})
		if err != nil {
			t.Errorf("%q: %v", name, err)
			continue
		}
		h := httptest.NewServer(s.routes())
		status, _, text := ask(t, "GET", h.URL+"/v2/models/"+s.path(), nil)
		if status != 200 || !strings.Contains(text, `"platform":"edgec"`) {
			t.Errorf("%q: %d %s", name, status, text)
		}
		h.Close()
	}
}

// A body that is not the file itself is refused: a form or a compressed file could pass for the raw
// values of an input.
func TestWrappedBodies(t *testing.T) {
	_, url := start(t, func(*options) {})
	for _, c := range []struct {
		path, key, value string
		status           int
		want             string
	}{
		{"/predict", "Content-Encoding", "gzip", 415, "the body is compressed (gzip); send it as it is"},
		{"/predict", "Content-Type", "multipart/form-data; boundary=x", 415, "the body is a form; send the file itself"},
		{"/v2/models/corner%20net/infer", "Content-Encoding", "br", 415, `{"error":"the body is compressed (br)`},
		{"/predict", "Content-Encoding", "identity", 200, "label"},
		{"/predict", "Content-Type", "application/x-www-form-urlencoded", 200, "label"}, // which curl --data-binary says of any file
	} {
		q, err := http.NewRequest("POST", url+c.path, bytes.NewReader(make([]byte, 16)))
		if err != nil {
			t.Fatal(err)
		}
		q.Header.Set(c.key, c.value)
		r, err := http.DefaultClient.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || r.StatusCode != c.status || !strings.Contains(string(text), c.want) {
			t.Errorf("%s %s: %d %s, %v", c.key, c.value, r.StatusCode, text, err)
		}
	}
}
