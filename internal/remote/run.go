package remote

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// ExitError is a command that ended with another code than 0.
type ExitError struct {
	Host    string // user@host
	Command string
	Code    int    // -1 if a signal ended it
	Signal  string // without SIG, such as TERM; "": none
}

// Error returns a line with the command and its code.
func (e *ExitError) Error() string {
	if e.Signal != "" {
		return fmt.Sprintf("%s: %s: ended by the signal %s", e.Host, e.Command, e.Signal)
	}
	return fmt.Sprintf("%s: %s: exit code %d", e.Host, e.Command, e.Code)
}

// grace is how long a process has after SIGTERM.
const grace = 3 * time.Second

// Run executes a command in a POSIX shell of the host and waits until it ends. A nil stdin
// is empty; a nil stdout or stderr is thrown away. stdin is read ahead, and a read that has
// begun goes on after Run has returned: end it by closing stdin.
//
// When ctx ends, the process and its children get SIGTERM, three seconds later SIGKILL, and
// the error is ctx's. A connection that is lost gives ErrLost, and the process goes on: see
// the package. Otherwise the error is nil for the exit code 0, or an *ExitError.
func (c *Conn) Run(ctx context.Context, command string, stdin io.Reader, stdout, stderr io.Writer) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s, err := c.client.NewSession()
	if err != nil {
		return c.failed(command, err)
	}
	defer s.Close()
	pid := newPIDLine(stderr)
	s.Stdout, s.Stderr = stdout, pid
	input, err := s.StdinPipe()
	if err == nil {
		err = s.Start(pid.wrap(command))
	}
	if err != nil {
		return c.failed(command, err)
	}
	go func() {
		if stdin != nil {
			io.Copy(input, stdin) // a process need not read all of it
		}
		input.Close()
	}()
	ended := make(chan error, 1)
	go func() { ended <- s.Wait() }()
	select {
	case err = <-ended:
		pid.flush()
		return c.failed(command, err)
	case <-ctx.Done():
	}
	for _, signal := range []ssh.Signal{ssh.SIGTERM, ssh.SIGKILL} {
		go c.signal(s, pid, signal)
		select {
		case <-ended:
			return context.Cause(ctx)
		case <-time.After(grace):
		}
	}
	return context.Cause(ctx)
}

// signal sends a signal to the processes of a session. OpenSSH refuses to do so where the
// user is root (9.2: "session signalling requires privilege separation"), so that the
// command kill does it where the number of the process is known, or comes within grace/2:
// a server may pass on standard output first.
func (c *Conn) signal(s *ssh.Session, line *pidLine, signal ssh.Signal) {
	if pid := line.get(grace / 2); pid != "" {
		if other, err := c.client.NewSession(); err == nil {
			defer other.Close()
			kill := "kill -s " + string(signal) + " "
			if other.Run(kill+"-- -"+pid+" 2>/dev/null || "+kill+pid) == nil {
				return
			}
		}
	}
	s.Signal(signal) // a server that knows none has ended the process, or goes on
}

// pidLine takes the line with the number of the process out of its standard error.
type pidLine struct {
	to   io.Writer // nil: nobody
	mark []byte    // how the line begins
	mu   sync.Mutex
	held []byte // what may be the line, or its beginning
	pid  string // "": not seen
	seen chan struct{}
}

// newPIDLine makes one with a mark of its own.
func newPIDLine(to io.Writer) *pidLine {
	return &pidLine{to: to, mark: []byte(rand.Text() + " "), seen: make(chan struct{})}
}

// wrap returns a command that writes the line, in whatever shell the user has, and executes
// the command by sh.
func (p *pidLine) wrap(command string) string {
	return "exec sh -c " + Quote("echo \""+string(p.mark)+"$$\" >&2\n"+command)
}

// get returns the number of the process, "" if it has not come after a time.
func (p *pidLine) get(wait time.Duration) string {
	select {
	case <-p.seen:
	case <-time.After(wait):
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.pid
}

// flush passes on what was held back for a line that has not come.
func (p *pidLine) flush() {
	if p.to != nil && len(p.held) > 0 {
		p.to.Write(p.held)
	}
	p.held = nil
}

func (p *pidLine) Write(b []byte) (int, error) {
	p.mu.Lock()
	rest := b
	if p.pid == "" {
		p.held = append(p.held, b...)
		rest = p.look()
	}
	p.mu.Unlock()
	if p.to != nil && len(rest) > 0 {
		if _, err := p.to.Write(rest); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// look returns what of held is known to belong to the process or its shell.
func (p *pidLine) look() (rest []byte) {
	before, after, found := bytes.Cut(p.held, p.mark)
	if !found { // all but what may be the beginning of the mark
		keep := min(len(p.held), len(p.mark)-1)
		rest = bytes.Clone(p.held[:len(p.held)-keep])
		p.held = p.held[len(rest):]
		return rest
	}
	number, after, found := bytes.Cut(after, []byte("\n"))
	if !found {
		return nil
	}
	if _, err := strconv.ParseUint(string(number), 10, 32); err == nil {
		p.pid = string(number)
		close(p.seen)
	}
	p.held = nil
	return append(bytes.Clone(before), after...)
}

// failed turns the end of a command into an error of this package.
func (c *Conn) failed(command string, err error) error {
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &exit) && exit.Signal() != "":
		return &ExitError{c.name, command, -1, exit.Signal()}
	case errors.As(err, &exit):
		return &ExitError{c.name, command, exit.ExitStatus(), ""}
	}
	return c.Explain(err)
}

// settle is how long the end of a connection may come after the error that it causes.
const settle = time.Second

// Explain returns err, or ErrLost with the host and a remedy if the connection has ended:
// for errors of the SFTP client, which say only that a pipe is closed.
func (c *Conn) Explain(err error) error {
	if err == nil {
		return nil
	}
	var missing *ssh.ExitMissingError
	var network *net.OpError // the kernel may tell a writer first
	if errors.As(err, &missing) || errors.As(err, &network) || errors.Is(err, io.EOF) || errors.Is(err, sftp.ErrSSHFxConnectionLost) || errors.Is(err, io.ErrUnexpectedEOF) {
		select {
		case <-c.over:
		case <-time.After(settle):
		}
	}
	if lost := c.lost(); lost != nil {
		return lost
	}
	if strings.HasPrefix(err.Error(), c.name+": ") {
		return err
	}
	return fmt.Errorf("%s: %w", c.name, err)
}

// maxOutput bounds what Output keeps.
const maxOutput = 1 << 20

// Output executes a command and returns what it prints, without the blanks around it. The
// error of a command that failed has the first line of its standard error.
func (c *Conn) Output(ctx context.Context, command string) (string, error) {
	var out, complaint bytes.Buffer
	err := c.Run(ctx, command, nil, &limited{&out, maxOutput}, &limited{&complaint, maxOutput})
	var exit *ExitError
	if errors.As(err, &exit) {
		if line, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n"); line != "" {
			err = fmt.Errorf("%w: %s", err, line)
		}
	}
	return strings.TrimSpace(out.String()), err
}

// limited keeps the first bytes of what is written, and takes the rest without keeping it.
type limited struct {
	to   *bytes.Buffer
	left int
}

func (l *limited) Write(b []byte) (int, error) {
	n := min(len(b), l.left)
	l.left -= n
	l.to.Write(b[:n])
	return len(b), nil
}

// Files opens an SFTP client, which writes and reads by several requests at a time. It
// closes when ctx ends, so that what it does ends too; the connection stays, for cleaning
// up with another client. The caller closes it. Explain its errors with Conn.Explain.
func (c *Conn) Files(ctx context.Context) (*sftp.Client, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	files, err := sftp.NewClient(c.client, sftp.UseConcurrentWrites(true))
	if err != nil {
		if lost := c.lost(); lost != nil {
			return nil, lost
		}
		return nil, fmt.Errorf("%s: its SSH server has no SFTP (%w); install one (apt install openssh-sftp-server), or add \"Subsystem sftp internal-sftp\" to its sshd_config", c.name, err)
	}
	stop := context.AfterFunc(ctx, func() { files.Close() })
	go func() {
		files.Wait()
		stop()
	}()
	return files, nil
}

// Quote returns s as one word of a POSIX shell.
func Quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("@%_-+=:,./", r)
	}
	if s != "" && strings.IndexFunc(s, func(r rune) bool { return !plain(r) }) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// normal is an address as known_hosts has it.
func normal(address string) string { return knownhosts.Normalize(address) }
