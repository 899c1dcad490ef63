// Package sshtest starts OpenSSH servers for tests.
package sshtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"edgec/internal/remote"
)

// Server is a real SSH server on the loopback interface. Its user is the one that runs the
// test, and commands run on this machine.
type Server struct {
	Host    string         // user@127.0.0.1:port
	Options remote.Options // that reach it
	Folder  string         // takes the place of ~/.ssh: id_ed25519 is accepted, known_hosts has the first of Keys
	Temp    string         // TMPDIR of commands
	Keys    []ssh.PublicKey
	User    ed25519.PrivateKey // in Folder/id_ed25519

	t         testing.TB
	sshd      string
	config    string
	listener  net.Listener
	mu        sync.Mutex
	links     map[*link]bool
	finished  sync.WaitGroup
	addresses string
}

// link is one connection, which goes through this process.
type link struct {
	conn net.Conn
	cmd  *exec.Cmd
	held chan struct{} // closed: bytes are held back
	once sync.Once
}

// Start starts a server, which ends with the test; lines are added to its sshd_config, but for
// those of the form NAME=value, which are variables of commands. It skips the test if this machine has no OpenSSH server, or one that cannot work for this user.
func Start(t testing.TB, lines ...string) *Server {
	t.Helper()
	s := &Server{t: t, sshd: find(t), links: map[*link]bool{}}
	dir := t.TempDir()
	s.Folder, s.Temp, s.config = filepath.Join(dir, "home", ".ssh"), filepath.Join(dir, "tmp"), filepath.Join(dir, "sshd_config")
	for _, folder := range []string{s.Folder, s.Temp} {
		check(t, os.MkdirAll(folder, 0o700))
	}
	s.Options = remote.Options{Folder: s.Folder, Agent: filepath.Join(dir, "no-agent")}
	s.configure(dir, lines)
	var err error
	_, s.User, err = ed25519.GenerateKey(rand.Reader)
	check(t, err)
	public := WriteKey(t, filepath.Join(s.Folder, "id_ed25519"), s.User, "")
	check(t, os.WriteFile(filepath.Join(dir, "authorized_keys"), ssh.MarshalAuthorizedKey(public), 0o600))
	s.listen()
	s.Know(s.Keys[0])
	return s
}

// configure makes the keys of the host and its sshd_config.
func (s *Server) configure(dir string, lines []string) {
	variables, others := "SetEnv SHLVL=2 TMPDIR="+s.Temp, []string(nil) // only the first line counts; bash reads no .bashrc at level 2
	for _, line := range lines {
		if name, _, ok := strings.Cut(line, "="); ok && !strings.Contains(name, " ") {
			variables += " " + line
		} else {
			others = append(others, line)
		}
	}
	config := []string{variables, "AuthorizedKeysFile " + filepath.Join(dir, "authorized_keys"), "UsePAM no", "StrictModes no", "PasswordAuthentication no",
		"KbdInteractiveAuthentication no", "PermitRootLogin prohibit-password", "Subsystem sftp internal-sftp", "PidFile none", "LogLevel VERBOSE"}
	for i, key := range hostKeys(s.t) {
		path := filepath.Join(dir, fmt.Sprint("host", i))
		s.Keys = append(s.Keys, WriteKey(s.t, path, key, ""))
		config = append(config, "HostKey "+path)
	}
	config = append(config, others...) // last, since a Match block takes what comes after it
	check(s.t, os.WriteFile(s.config, []byte(strings.Join(config, "\n")+"\n"), 0o600))
}

// find returns the path of sshd.
func find(t testing.TB) string {
	for _, name := range []string{"sshd", "/usr/sbin/sshd", "/usr/local/sbin/sshd"} {
		if path, err := exec.LookPath(name); err == nil {
			if path, err = filepath.Abs(path); err == nil {
				return path // sshd wants a whole path
			}
		}
	}
	t.Skip("there is no sshd; apt-get install openssh-server")
	return ""
}

// hostKeys makes two keys of different kinds, Ed25519 first.
func hostKeys(t testing.TB) []crypto.Signer {
	_, one, err := ed25519.GenerateKey(rand.Reader)
	check(t, err)
	two, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	return []crypto.Signer{one, two}
}

// WriteKey writes a private key in OpenSSH's format, encrypted unless passphrase is empty,
// and returns its public key.
func WriteKey(t testing.TB, path string, key crypto.Signer, passphrase string) ssh.PublicKey {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "test")
	if passphrase != "" {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(passphrase))
	}
	check(t, err)
	check(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
	public, err := ssh.NewPublicKey(key.Public())
	check(t, err)
	return public
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listen accepts connections, each of which gets an sshd of its own.
func (s *Server) listen() {
	var err error
	s.listener, err = net.Listen("tcp", "127.0.0.1:0")
	check(s.t, err)
	who, err := user.Current()
	check(s.t, err)
	s.addresses = s.listener.Addr().String()
	s.Host = who.Username + "@" + s.addresses
	if os.Getuid() == 0 { // where sshd, started by root, confines its children; it is a service's part to make it
		check(s.t, os.MkdirAll("/run/sshd", 0o755))
	}
	s.t.Cleanup(func() {
		s.listener.Close()
		s.Cut()
		s.finished.Wait()
	})
	go func() {
		for {
			conn, err := s.listener.Accept()
			if err != nil {
				return
			}
			s.serve(conn)
		}
	}()
}

// serve hands a connection to a new sshd.
func (s *Server) serve(conn net.Conn) {
	l := &link{conn: conn, held: make(chan struct{}), cmd: exec.Command(s.sshd, "-i", "-e", "-f", s.config)}
	log, err := os.OpenFile(s.config+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		conn.Close()
		return
	}
	defer log.Close()
	l.cmd.Stderr = log
	in, err1 := l.cmd.StdinPipe()
	out, err2 := l.cmd.StdoutPipe()
	if errors.Join(err1, err2, l.cmd.Start()) != nil {
		conn.Close()
		return
	}
	s.mu.Lock()
	s.links[l] = true
	s.mu.Unlock()
	s.finished.Add(1)
	go func() {
		l.copy(in, conn)
		in.Close()
	}()
	go func() {
		defer s.finished.Done()
		l.copy(conn, out)
		conn.Close()
		l.wait()
		s.mu.Lock()
		delete(s.links, l)
		s.mu.Unlock()
	}()
}

// copy copies until either side ends or the link is held.
func (l *link) copy(to io.Writer, from io.Reader) {
	b := make([]byte, 1<<16)
	for {
		n, err := from.Read(b)
		select {
		case <-l.held:
			io.Copy(io.Discard, from)
			return
		default:
		}
		if n > 0 {
			if _, err := to.Write(b[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// wait ends the link's sshd, by force if it does not end by itself.
func (l *link) wait() {
	kill := time.AfterFunc(5*time.Second, func() { l.cmd.Process.Kill() })
	l.cmd.Wait()
	kill.Stop()
}

// Cut ends all connections, as a host does that is switched off and answers "reset" later.
func (s *Server) Cut() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.links {
		l.conn.Close()
	}
}

// Hang keeps all connections open but lets no byte through, as a broken network does.
func (s *Server) Hang() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.links {
		l.once.Do(func() { close(l.held) })
	}
}

// Know makes these keys of the host the only known ones.
func (s *Server) Know(keys ...ssh.PublicKey) {
	s.t.Helper()
	var lines []string
	for _, key := range keys {
		lines = append(lines, knownhosts.Line([]string{knownhosts.Normalize(s.addresses)}, key)+"\n")
	}
	check(s.t, os.WriteFile(filepath.Join(s.Folder, "known_hosts"), []byte(strings.Join(lines, "")), 0o600))
}

// Log returns what the servers have written.
func (s *Server) Log() string {
	text, err := os.ReadFile(s.config + ".log")
	check(s.t, err)
	return string(text)
}
