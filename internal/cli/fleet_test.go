package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// agentsRun starts edgec agent for devices until the test ends.
func agentsRun(t *testing.T, names ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan result, len(names))
	for _, name := range names {
		go func() {
			done <- commandUntil(t, ctx, nil, "agent", "--follow", "local:site", "--pub", "edgec.pub", "--device", name, "--folder", absolutePath(t, name), "--every", "1s", "--duration", "100ms", "--check", "test ! -e bad")
		}()
	}
	t.Cleanup(func() {
		cancel()
		for range names {
			if r := <-done; r.code != exitDone || !strings.Contains(r.stdout, "running, version 1") {
				t.Errorf("exit code %d: %s%s", r.code, r.stdout, r.stderr)
			}
		}
	})
}

// channelFolder makes the folder of the channel.
func channelFolder(t *testing.T) {
	t.Helper()
	if err := os.Mkdir("site", 0o755); err != nil {
		t.Fatal(err)
	}
}

func absolutePath(t *testing.T, name string) string {
	t.Helper()
	path, err := filepath.Abs(name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// docs/JSON.md has the fields of what edgec fleet and edgec agent print, and a fleet of two is
// what they say.
func TestFleet(t *testing.T) {
	page := readJSONPage(t)
	buildHere(t)
	command(t, "keygen", "--no-password").must(t)
	const section = "fleet roll, status, stop"
	printed := func(args string, texts ...string) {
		t.Helper()
		r := command(t, append(strings.Fields(args), "--json", "-q")...).must(t)
		page.checkOutput(t, section, r.stdout)
		r.has(t, texts...)
	}
	command(t, "agent", "--follow", "local:site", "--once", "--device", "a", "--folder", absolutePath(t, "a")).fails(t, exitFailed, "the folder of the channel is not there")
	command(t, "fleet", "status", "--on", "local:site").fails(t, exitFailed, "the folder of the channel is not there")
	channelFolder(t)
	printed("fleet status --on local:site", `"version_number": 0`, `"devices": []`)
	page.checkOutput(t, "agent", command(t, "agent", "--follow", "local:site", "--once", "--device", "a", "--folder", absolutePath(t, "a"), "--json").must(t).stdout)
	agentsRun(t, "a", "b")
	command(t, "agent", "--follow", "local:site", "--once", "--device", "a", "--folder", absolutePath(t, "corner")).fails(t, exitFailed, "give another --folder")
	printed("fleet roll corner --to local:site --stages 1,all --max-latency 1h", `"updated": true`, `"stage": 2`)
	command(t, "agent", "--follow", "local:site", "--once", "--device", "c", "--folder", absolutePath(t, "a")).fails(t, exitFailed, "another agent installs there")
	for _, name := range []string{"a", "b"} {
		if got := read(t, name+"/current/program"); string(got) != string(read(t, "corner")) {
			t.Errorf("%s does not run the program", name)
		}
		write(t, name+"/bad", nil)
	}
	command(t, "fleet", "roll", "named", "--to", "local:site", "--stages", "1,all").fails(t, exitFailed, "stopped at stage 1 of 2", "1 of 1 devices failed", "the check failed")
	printed("fleet status --on local:site", `"stopped": true`, `"failed_version": 2`)
	printed("fleet stop --on local:site", `"stopped": true`)
	command(t, "fleet", "status", "--on", "local:site").must(t).has(t, "published  version 2, stage 1 of 2, stopped", "updated    0 of 2 devices", "failed version 2")
	page.checkSeen(t, section)
	page.checkSeen(t, "fleet device")
}

// What is wrong with command lines of fleets is told before anything is done.
func TestFleetUsage(t *testing.T) {
	t.Chdir(t.TempDir())
	command(t, "keygen", "--no-password").must(t)
	write(t, "text", []byte("hello"))
	channelFolder(t)
	for args, want := range map[string]string{
		"fleet roll text":                                                  "--to is missing",
		"fleet roll text --to site":                                        "local:site",
		"fleet roll text --to nats://me:secret@host":                       "nats://192.168.1.5:4222/cameras",
		"fleet roll text --to local:site --stages 5,1":                     "not larger",
		"fleet roll text --to local:site --stages some":                    "no stage",
		"fleet roll text --to local:site --version 0":                      "--version 0",
		"fleet roll text --to local:site --max-failed -1":                  "--max-failed",
		"fleet roll text --to local:site --fleet a/b":                      "--fleet",
		"fleet status --on registry":                                       "HOST/NAME:TAG",
		"fleet status --on ghcr.io/me/a@sha256:" + strings.Repeat("0", 64): "tag",
		"fleet stop --on local:":                                           "folder",
		"fleet go":                                                         "roll, status and stop",
		"agent --follow local:site --device a.b":                           "--device",
		"agent --follow local:site --every 1ms":                            "--every",
		"agent --follow local:site --once --unit a":                        "--unit",
		"agent --follow local:site --nats-ca none":                         "--nats-ca",
	} {
		r := command(t, strings.Fields(args)...)
		if r.fails(t, exitUsage, want); strings.Contains(r.stderr, "secret") {
			t.Errorf("%s: the password is printed: %s", args, r.stderr)
		}
	}
	command(t, "fleet", "roll", "text", "--to", "local:site").fails(t, exitFailed, "no program of edgec build")
	command(t, "agent", "--follow", "local:site", "--pub", "none", "--device", "a").fails(t, exitFailed, "none")
	command(t, "agent", "--follow", "local:site", "--device", "a", "--folder", absolutePath(t, "dev"), "--unit", "a b").fails(t, exitFailed, "no name of a service")
	command(t, "agent", "--follow", "local:site", "--device", "a", "--folder", absolutePath(t, "dev"), "--unit", "watch").must(t).has(t, "--follow=local:"+absolutePath(t, "site"), "ReadWritePaths="+absolutePath(t, "dev"), "enable --now watch.service")
	if r := command(t, "fleet", "status", "--on", "oci:stick:fleet").must(t); !strings.Contains(r.stderr, "--reports") {
		t.Errorf("nobody can report there: %s", r.stderr)
	}
	write(t, "site/desired", []byte("untrusted"))
	command(t, "fleet", "status", "--on", "local:site").fails(t, exitFailed, "not signed", "remove the document")
	command(t, "agent", "--follow", "local:site", "--device", "a", "--folder", absolutePath(t, "dev"), "--once").fails(t, exitFailed, "a: refused: ", "not signed")
}

// A name that a document cannot hold is refused before anything is sent anywhere.
func TestFleetNames(t *testing.T) {
	buildHere(t)
	command(t, "keygen", "--no-password").must(t)
	channelFolder(t)
	write(t, "my program", read(t, "corner"))
	command(t, "fleet", "roll", "my program", "--to", "local:site", "--registry", "oci:stick:1").fails(t, exitFailed, "my program: ", "rename it")
	if entries, err := os.ReadDir("stick"); err == nil {
		t.Errorf("stored in the registry: %v", entries)
	}
}

// The folders of a channel do not lead elsewhere.
func TestFleetLinks(t *testing.T) {
	t.Chdir(t.TempDir())
	command(t, "keygen", "--no-password").must(t)
	channelFolder(t)
	other := filepath.Join("other", strings.Repeat("ab", 32))
	write(t, other, []byte("y"))
	for _, name := range []string{"reports", "files"} {
		if err := os.Symlink(absolutePath(t, "other"), filepath.Join("site", name)); err != nil {
			t.Fatal(err)
		}
	}
	write(t, "text", []byte("hello"))
	command(t, "fleet", "roll", "text", "--to", "local:site", "--stages", "all").fails(t, exitFailed, "")
	command(t, "agent", "--follow", "local:site", "--once", "--device", "a", "--folder", absolutePath(t, "dev")).fails(t, exitFailed, "is no folder")
	if entries, err := os.ReadDir("other"); err != nil || len(entries) != 1 {
		t.Errorf("%v, %v", entries, err)
	}
}

// An interrupt ends a roll-out that waits, and says how it goes on.
func TestFleetInterrupt(t *testing.T) {
	buildHere(t)
	command(t, "keygen", "--no-password").must(t)
	channelFolder(t)
	look := func() result {
		return command(t, "agent", "--follow", "local:site", "--once", "--device", "a", "--folder", absolutePath(t, "a"))
	}
	look().must(t)
	ctx, cancel := context.WithCancel(t.Context())
	r := commandUntil(t, ctx, func(text string) {
		if strings.Contains(text, "stage 1 of 2") {
			cancel()
		}
	}, "fleet", "roll", "corner", "--to", "local:site", "--stages", "1,all")
	r.fails(t, exitInterrupted, "interrupted at stage 1 of 2, which stays open", "edgec fleet stop")
	look().must(t).has(t, "running, version 1")
	command(t, "fleet", "roll", "corner", "--to", "local:site", "--stages", "1").must(t).has(t, "version 1, stage 1 of 1", "1 of 1 devices")
}
