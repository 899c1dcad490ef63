package remote_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"edgec/internal/remote"
	"edgec/internal/remote/sshtest"
)

// dial connects or fails the test.
func dial(t *testing.T, s *sshtest.Server, opt remote.Options) *remote.Conn {
	t.Helper()
	c, err := remote.Dial(t.Context(), s.Host, opt)
	if err != nil {
		t.Fatalf("%v\n%s", err, s.Log())
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// refused connects, and wants an error with all words.
func refused(t *testing.T, s *sshtest.Server, opt remote.Options, words ...string) error {
	t.Helper()
	c, err := remote.Dial(t.Context(), s.Host, opt)
	if err == nil {
		c.Close()
		t.Fatalf("connected; want an error with %q", words)
	}
	for _, w := range append(words, s.Host) {
		if !strings.Contains(err.Error(), w) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q has no %q, or several lines", err, w)
		}
	}
	return err
}

// Commands get their input and give output, complaints and code.
func TestRun(t *testing.T) {
	s := sshtest.Start(t)
	c := dial(t, s, s.Options)
	var out, complaint bytes.Buffer
	err := c.Run(t.Context(), "cat; echo $TMPDIR; echo wrong >&2; exit 3", strings.NewReader("input\n"), &out, &complaint)
	var exit *remote.ExitError
	if !errors.As(err, &exit) || exit.Code != 3 || out.String() != "input\n"+s.Temp+"\n" || complaint.String() != "wrong\n" {
		t.Errorf("%v, %q, %q", err, out.String(), complaint.String())
	}
	if text, err := c.Output(t.Context(), "printf %s "+remote.Quote("it's $HOME")); text != "it's $HOME" || err != nil {
		t.Errorf("%q, %v", text, err)
	}
	if _, err := c.Output(t.Context(), "echo no such board >&2; exit 1"); err == nil || !strings.Contains(err.Error(), "no such board") {
		t.Errorf("%v", err)
	}
	if err := c.Run(t.Context(), "kill -9 $$", nil, nil, nil); !errors.As(err, &exit) || exit.Signal != "KILL" {
		t.Errorf("%v", err)
	}
	if err := c.Run(t.Context(), "true", nil, nil, nil); err != nil {
		t.Error(err)
	}
}

// The end of the context ends the process on the host.
func TestRunInterrupted(t *testing.T) {
	s := sshtest.Start(t)
	c := dial(t, s, s.Options)
	ctx, cancel := context.WithCancel(t.Context())
	in, held := io.Pipe()
	defer held.Close()
	out := &signalled{word: "begun", seen: make(chan struct{})}
	go func() {
		<-out.seen
		cancel()
	}()
	begin := time.Now()
	err := c.Run(ctx, "trap 'touch $TMPDIR/ended; exit' TERM; echo begun; while :; do sleep 0.02; done", in, out, nil)
	if !errors.Is(err, context.Canceled) || time.Since(begin) > 15*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
	if _, err := os.Stat(filepath.Join(s.Temp, "ended")); err != nil {
		t.Errorf("the process did not get the signal: %v\n%s", err, s.Log())
	}
	if _, err := c.Output(t.Context(), "true"); err != nil {
		t.Errorf("the connection ended too: %v", err)
	}
}

// signalled closes seen when a word has been written.
type signalled struct {
	word string
	seen chan struct{}
	text bytes.Buffer
}

func (s *signalled) Write(b []byte) (int, error) {
	before := strings.Contains(s.text.String(), s.word)
	s.text.Write(b)
	if !before && strings.Contains(s.text.String(), s.word) {
		close(s.seen)
	}
	return len(b), nil
}

// A lost connection is told at once, and standard input ends for the process on the host.
func TestLost(t *testing.T) {
	s := sshtest.Start(t)
	c := dial(t, s, s.Options)
	files, err := c.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	in, held := io.Pipe()
	defer held.Close()
	out := &signalled{word: "begun", seen: make(chan struct{})}
	go func() {
		<-out.seen
		s.Cut()
	}()
	err = c.Run(t.Context(), "echo begun; cat; touch $TMPDIR/ended", in, out, nil)
	if !errors.Is(err, remote.ErrLost) || !strings.Contains(err.Error(), s.Host) {
		t.Errorf("%v", err)
	}
	_, err = files.Stat("/")
	if err = c.Explain(err); !errors.Is(err, remote.ErrLost) {
		t.Errorf("SFTP: %v", err)
	}
	if _, err = c.Files(t.Context()); !errors.Is(err, remote.ErrLost) {
		t.Errorf("new SFTP: %v", err)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if _, err := os.Stat(filepath.Join(s.Temp, "ended")); err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatal("standard input of the process did not end")
		}
	}
}

// A network that lets nothing through is noticed by keepalives.
func TestHang(t *testing.T) {
	s := sshtest.Start(t)
	opt := s.Options
	opt.Keepalive = 150 * time.Millisecond
	c := dial(t, s, opt)
	if _, err := c.Output(t.Context(), "sleep 0.5"); err != nil { // the host answers them
		t.Fatal(err)
	}
	s.Hang()
	begin := time.Now()
	if _, err := c.Output(t.Context(), "sleep 20"); !errors.Is(err, remote.ErrLost) || time.Since(begin) > 15*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

// An unknown host is refused, asked about, or taken.
func TestUnknownHost(t *testing.T) {
	s := sshtest.Start(t)
	known := filepath.Join(s.Folder, "known_hosts")
	forget := func() { os.Remove(known) }
	forget()
	var key *remote.HostKeyError
	print := "ED25519 " + ssh.FingerprintSHA256(s.Keys[0])
	if err := refused(t, s, s.Options, "not known", print, "--accept-new"); !errors.As(err, &key) || key.Changed {
		t.Errorf("%#v", err)
	}
	asked := ""
	opt := s.Options
	answer := "no"
	opt.Ask = func(_ context.Context, question string, secret bool) (string, error) {
		asked = question
		return answer, nil
	}
	refused(t, s, opt, "not known")
	if _, err := os.Stat(known); err == nil || !strings.Contains(asked, print) {
		t.Errorf("the refused key was stored, or the question has no fingerprint: %q", asked)
	}
	answer = "yes"
	dial(t, s, opt)
	dial(t, s, s.Options)
	forget()
	if err := os.WriteFile(known, []byte("# no end of line"), 0o600); err != nil {
		t.Fatal(err)
	}
	noted := ""
	opt = s.Options
	opt.AcceptNew, opt.Note = true, func(line string) { noted = line }
	dial(t, s, opt)
	dial(t, s, s.Options)
	if !strings.Contains(noted, print) || !strings.Contains(noted, known) {
		t.Errorf("note %q", noted)
	}
}

// A hashed name is found again, and asked for by the configuration.
func TestHashedHost(t *testing.T) {
	s := sshtest.Start(t)
	if err := os.WriteFile(filepath.Join(s.Folder, "config"), []byte("Host 127.*\n\tHashKnownHosts yes\n\tStrictHostKeyChecking accept-new\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.Know()
	dial(t, s, s.Options)
	text, err := os.ReadFile(filepath.Join(s.Folder, "known_hosts"))
	if err != nil || !strings.HasPrefix(string(text), "|1|") {
		t.Errorf("%q, %v", text, err)
	}
	dial(t, s, s.Options)
}

// A changed key is refused whatever the options say. A host that has keys of two kinds is
// asked for the kind that is known.
func TestChangedKey(t *testing.T) {
	s := sshtest.Start(t)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	other, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	s.Know(other)
	opt := s.Options
	opt.AcceptNew = true
	opt.Ask = func(context.Context, string, bool) (string, error) { return "yes", nil }
	var key *remote.HostKeyError
	if err := refused(t, s, opt, "has changed", ssh.FingerprintSHA256(other), "ssh-keygen -R"); !errors.As(err, &key) || !key.Changed {
		t.Errorf("%#v", err)
	}
	for i, key := range s.Keys {
		s.Know(key)
		if c, err := remote.Dial(t.Context(), s.Host, s.Options); err != nil {
			t.Errorf("key %d: %v", i, err)
		} else {
			c.Close()
		}
	}
}

// Keys come from files, encrypted files and the agent.
func TestKeys(t *testing.T) {
	s := sshtest.Start(t)
	path := filepath.Join(s.Folder, "id_ed25519")
	sshtest.WriteKey(t, path, s.User, "secret")
	refused(t, s, s.Options, "is encrypted", "ssh-add "+path)
	answers := []string{"wrong", "secret"}
	opt := s.Options
	opt.Ask = func(_ context.Context, question string, secret bool) (string, error) {
		if !secret || !strings.Contains(question, path) || len(answers) == 0 {
			t.Errorf("%q, secret %v", question, secret)
			return "", errors.New("no answer")
		}
		defer func() { answers = answers[1:] }()
		return answers[0], nil
	}
	dial(t, s, opt)
	opt = s.Options
	opt.Agent = serveAgent(t, s.User)
	dial(t, s, opt) // the passphrase is not needed
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	dial(t, s, opt)
	refused(t, s, s.Options, "accepts no key", "no key was found", "ssh-copy-id")
	if err := os.WriteFile(path, []byte("broken"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := remote.Dial(t.Context(), s.Host, s.Options); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("a file that is no key: %v", err)
	}
}

// serveAgent starts an agent with a key and returns its socket.
func serveAgent(t *testing.T, key ed25519.PrivateKey) string {
	dir, err := os.MkdirTemp("", "edgec-agent-") // names of sockets are short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", filepath.Join(dir, "agent"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go agent.ServeAgent(ring, conn)
		}
	}()
	return l.Addr().String()
}

// Names, users, ports, key files and jump hosts come from the configuration.
func TestConfig(t *testing.T) {
	s := sshtest.Start(t)
	at := strings.LastIndexByte(s.Host, '@')
	host, port, err := net.SplitHostPort(s.Host[at+1:])
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(s.Folder, "other key")
	sshtest.WriteKey(t, key, s.User, "")
	os.Remove(filepath.Join(s.Folder, "id_ed25519"))
	config := "Host board\n HostName " + host + "\n Port " + port + "\n User " + s.Host[:at] + "\n IdentityFile \"~/.ssh/other key\"\nHost behind\n HostName " + host + "\n Port " + port + "\n ProxyJump board\n IdentityFile \"" + key + "\"\nHost loop\n ProxyJump loop\n"
	if err := os.WriteFile(filepath.Join(s.Folder, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"board", "ssh://board", s.Host[:at] + "@behind"} {
		c, err := remote.Dial(t.Context(), name, s.Options)
		if err != nil {
			t.Fatalf("%s: %v\n%s", name, err, s.Log())
		}
		if text, err := c.Output(t.Context(), "echo works"); err != nil || text != "works" {
			t.Errorf("%s: %q %v", name, text, err)
		}
		c.Close()
	}
	if _, err := remote.Dial(t.Context(), "loop", s.Options); err == nil || !strings.Contains(err.Error(), "ProxyJump") {
		t.Errorf("a loop of jumps: %v", err)
	}
}

// Conditions that only ssh understands are asked of it; without it they are an error.
func TestConfigMatch(t *testing.T) {
	s := sshtest.Start(t)
	at := strings.LastIndexByte(s.Host, '@')
	host, port, err := net.SplitHostPort(s.Host[at+1:])
	if err != nil {
		t.Fatal(err)
	}
	key, known := filepath.Join(s.Folder, "other"), filepath.Join(s.Folder, "elsewhere")
	sshtest.WriteKey(t, key, s.User, "")
	if err := errors.Join(os.Remove(filepath.Join(s.Folder, "id_ed25519")), os.Rename(filepath.Join(s.Folder, "known_hosts"), known)); err != nil {
		t.Fatal(err)
	}
	config := "Match exec true\n HostName " + host + "\n Port " + port + "\n IdentityFile " + key + "\n UserKnownHostsFile " + known + "\n StrictHostKeyChecking yes\n"
	if err := os.WriteFile(filepath.Join(s.Folder, "config"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := exec.LookPath("ssh"); err == nil {
		c, err := remote.Dial(t.Context(), "board", s.Options)
		if err != nil {
			t.Fatalf("%v\n%s", err, s.Log())
		}
		c.Close()
	}
	t.Setenv("PATH", t.TempDir())
	if _, err := remote.Dial(t.Context(), "board", s.Options); err == nil || !strings.Contains(err.Error(), filepath.Join(s.Folder, "config")) || !strings.Contains(err.Error(), "ssh -G") {
		t.Errorf("without ssh: %v", err)
	}
}

// Errors of the way to a host say what to do, and come in time.
func TestUnreachable(t *testing.T) {
	folder := t.TempDir()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	closed.Close()
	for _, c := range []struct{ host, want string }{
		{"pi@" + closed.Addr().String(), "nothing listens"},
		{"pi@" + silent.Addr().String(), "handshake within"},
		{"pi@", "is no host"}, {"", "is no host"}, {"@x", "is no host"}, {"pi@x:y", "port"}, {"pi@x:0", "port"}, {"-oProxyCommand=x", "is no host"}, {"a b", "is no host"},
	} {
		conn, err := remote.Dial(t.Context(), c.host, remote.Options{Folder: folder, Timeout: 100 * time.Millisecond})
		if err == nil {
			conn.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %q", c.host, err, c.want)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := remote.Dial(ctx, "pi@"+silent.Addr().String(), remote.Options{Folder: folder}); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 8*time.Second {
		t.Errorf("%v after %v", err, time.Since(begin))
	}
}

// What deploying needs: files are replaced, synced and measured.
func TestFiles(t *testing.T) {
	s := sshtest.Start(t)
	c := dial(t, s, s.Options)
	files, err := c.Files(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	data := bytes.Repeat([]byte("edgec"), 1<<18)
	path := filepath.Join(s.Temp, "new")
	f, err := files.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.ReadFrom(bytes.NewReader(data))
	if err := errors.Join(err, f.Sync(), f.Close(), os.WriteFile(filepath.Join(s.Temp, "old"), nil, 0o600), files.PosixRename(path, filepath.Join(s.Temp, "old"))); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(s.Temp, "old")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if at, err := files.StatVFS(s.Temp); err != nil || at.TotalSpace() == 0 {
		t.Errorf("%v, %v", at, err)
	}
	folder, err := files.Open(s.Temp)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(folder.Sync(), folder.Close()); err != nil {
		t.Errorf("sync of a folder: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	until, err := c.Files(ctx)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	until.Wait() // closed by the context
	if _, err := c.Output(t.Context(), "true"); err != nil {
		t.Errorf("the connection ended with its SFTP client: %v", err)
	}
}

// A server without SFTP is said to be one.
func TestNoSFTP(t *testing.T) {
	s := sshtest.Start(t, "Match User *", "ForceCommand echo no >&2")
	c := dial(t, s, s.Options)
	var complaint bytes.Buffer
	if err := c.Run(t.Context(), "true", nil, nil, &complaint); err != nil || complaint.String() != "no\n" {
		t.Errorf("%q, %v", complaint.String(), err)
	}
	if files, err := c.Files(t.Context()); err == nil || !strings.Contains(err.Error(), "SFTP") {
		files.Close()
		t.Errorf("%v", err)
	}
}

func TestQuote(t *testing.T) {
	for s, want := range map[string]string{"": "''", "a/b-1.x": "a/b-1.x", "a b": "'a b'", "it's": `'it'\''s'`, "$x": "'$x'", "~": "'~'"} {
		if got := remote.Quote(s); got != want {
			t.Errorf("Quote(%q) = %s, want %s", s, got, want)
		}
	}
}
