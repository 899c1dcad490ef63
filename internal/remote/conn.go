package remote

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"
)

// Options configure Dial. The zero value asks nobody and accepts known hosts only.
type Options struct {
	// AcceptNew stores the key of an unknown host without a question. The key of a known
	// host that has changed is refused in any case.
	AcceptNew bool
	// Ask puts a question to a person and returns the answer; secret answers are not shown.
	// nil: nobody is there.
	Ask func(ctx context.Context, question string, secret bool) (answer string, err error)
	// Note is told in a line what was decided without a question; nil: nobody is.
	Note func(line string)
	// Timeout bounds each connection and handshake, the time of questions aside; 0: 15 s.
	Timeout time.Duration
	// Keepalive is the time between questions whether the host still answers; three that
	// stay without an answer end the connection. 0: 15 s.
	Keepalive time.Duration
	// Folder takes the place of the user's folder .ssh; "": that one.
	Folder string
	// Agent is the socket of the agent; "": that of SSH_AUTH_SOCK.
	Agent string

	folder string // Folder, or the user's
}

// complete puts the defaults in.
func (o Options) complete() (Options, error) {
	if o.folder = o.Folder; o.folder == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return o, fmt.Errorf("the folder .ssh is not known: %w; set HOME", err)
		}
		o.folder = filepath.Join(home, ".ssh")
	}
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Second
	}
	if o.Keepalive == 0 {
		o.Keepalive = 15 * time.Second
	}
	return o, nil
}

// agentSocket returns the socket for a value of IdentityAgent.
func (o Options) agentSocket(value string) string {
	switch {
	case value == "none":
		return ""
	case value != "SSH_AUTH_SOCK":
		return value
	case o.Agent != "":
		return o.Agent
	}
	return os.Getenv("SSH_AUTH_SOCK")
}

func (o Options) note(format string, v ...any) {
	if o.Note != nil {
		o.Note(fmt.Sprintf(format, v...))
	}
}

// Conn is a connection to a host. Its methods may be called from several goroutines.
type Conn struct {
	name    string
	client  *ssh.Client
	jumps   []*ssh.Client // that it goes through
	over    chan struct{} // closed when the connection has ended
	end     sync.Once
	closing chan struct{} // closed by Close
}

// ErrLost means that a connection ended before its time.
var ErrLost = errors.New("the connection was lost")

// maxJumps bounds the hosts on the way: a configuration may name itself.
const maxJumps = 8

// Dial connects to a host, "pi@raspberrypi.local" or with a port "pi@10.0.0.7:2222", as the
// command ssh would: through ~/.ssh/config, jump hosts, known_hosts, the agent and the key
// files. ctx bounds Dial, not the connection; Close ends that.
//
// An error takes one line and names host, cause and remedy; it is a *HostKeyError if the
// host is not known or has changed its key.
func Dial(ctx context.Context, host string, opt Options) (*Conn, error) {
	opt, err := opt.complete()
	if err != nil {
		return nil, err
	}
	c, err := readConfig(opt)
	if err != nil {
		return nil, err
	}
	way, err := c.way(ctx, host, opt, 0)
	if err != nil {
		return nil, err
	}
	conn := &Conn{over: make(chan struct{}), closing: make(chan struct{})}
	for _, s := range way {
		client, err := hop(ctx, conn.client, s, opt)
		if err != nil {
			conn.closeClients()
			return nil, err
		}
		if conn.client != nil {
			conn.jumps = append(conn.jumps, conn.client)
		}
		conn.name, conn.client = s.name, client
	}
	go func() {
		conn.client.Wait()
		close(conn.over)
	}()
	go conn.keepAlive(opt.Keepalive)
	return conn, nil
}

// way lists the hosts to connect to, the last of which is host.
func (c config) way(ctx context.Context, host string, opt Options, depth int) (list []settings, err error) {
	if depth > maxJumps {
		return nil, fmt.Errorf("%s: its ProxyJump leads through more than %d hosts; correct ~/.ssh/config", host, maxJumps)
	}
	t, err := parseTarget(strings.TrimPrefix(strings.TrimSpace(host), "ssh://"))
	if err != nil {
		return nil, err
	}
	s, err := c.settingsOf(ctx, t, opt)
	if err != nil {
		return nil, err
	}
	for i, jump := range s.jumps {
		if i == 0 { // only the first one is reached through jumps of its own
			list, err = c.way(ctx, jump, opt, depth+1)
		} else {
			var one settings
			if t, err = parseTarget(strings.TrimSpace(jump)); err == nil {
				one, err = c.settingsOf(ctx, t, opt)
				list = append(list, one)
			}
		}
		if err != nil {
			return nil, err
		}
	}
	if len(list) > maxJumps {
		return nil, fmt.Errorf("%s: its ProxyJump leads through more than %d hosts; correct ~/.ssh/config", host, maxJumps)
	}
	return append(list, s), nil
}

// hop connects to the next host, through the one before if there is one.
func hop(ctx context.Context, through *ssh.Client, s settings, opt Options) (*ssh.Client, error) {
	dialing, stop := context.WithTimeout(ctx, opt.Timeout)
	defer stop()
	var conn net.Conn
	var err error
	if through == nil {
		conn, err = (&net.Dialer{}).DialContext(dialing, "tcp", s.address)
	} else {
		conn, err = through.DialContext(dialing, "tcp", s.address)
	}
	if err != nil {
		return nil, unreachable(ctx, s, opt, err)
	}
	client, err := handshake(ctx, conn, s, opt)
	if err != nil {
		conn.Close()
		return nil, err
	}
	return client, nil
}

// handshake proves both sides to each other.
func handshake(ctx context.Context, conn net.Conn, s settings, opt Options) (*ssh.Client, error) {
	watch := time.AfterFunc(opt.Timeout, func() { conn.Close() })
	defer watch.Stop()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	asker := func(secret bool) func(string) (string, error) {
		if opt.Ask == nil {
			return nil
		}
		return func(question string) (string, error) {
			watch.Stop() // a person may take any time
			defer watch.Reset(opt.Timeout)
			return opt.Ask(ctx, question, secret)
		}
	}
	hosts, err := newHostKeys(s, opt, asker(false))
	if err != nil {
		return nil, err
	}
	keys := &keyring{settings: s, ask: asker(true)}
	defer keys.close()
	c, channels, requests, err := ssh.NewClientConn(conn, s.known, &ssh.ClientConfig{
		User: s.user, Auth: keys.methods(), HostKeyCallback: hosts.callback(ctx), HostKeyAlgorithms: hosts.algorithms(),
	})
	if !watch.Stop() && ctx.Err() == nil {
		return nil, fmt.Errorf("%s: the SSH server did not finish the handshake within %v; check its load, or what else listens on %s", s.name, opt.Timeout, s.address)
	}
	if err != nil {
		return nil, refused(ctx, s, keys, err)
	}
	return ssh.NewClient(c, channels, requests), nil
}

// Name returns user@host, with a port that is not 22: what messages call the host.
func (c *Conn) Name() string { return c.name }

// Close ends the connection and what runs on it. It may be called several times.
func (c *Conn) Close() error {
	c.end.Do(func() {
		close(c.closing)
		c.closeClients()
	})
	<-c.over
	return nil
}

// closeClients ends the connection to the host and to the hosts on the way.
func (c *Conn) closeClients() {
	if c.client != nil {
		c.client.Close()
	}
	for i := len(c.jumps) - 1; i >= 0; i-- {
		c.jumps[i].Close()
	}
}

// misses is the number of questions in a row without an answer that end a connection.
const misses = 3

// keepAlive ends the connection when the host no longer answers.
func (c *Conn) keepAlive(every time.Duration) {
	for {
		select {
		case <-c.over:
			return
		case <-time.After(every):
		}
		answered := make(chan struct{})
		go func() {
			c.client.SendRequest("keepalive@openssh.com", true, nil) // an error ends the connection too
			close(answered)
		}()
		select {
		case <-c.over:
			return
		case <-answered:
		case <-time.After(misses * every):
			c.closeClients()
			return
		}
	}
}

// lost returns the error about a connection that has ended, nil if it has not.
func (c *Conn) lost() error {
	select {
	case <-c.over:
	default:
		return nil
	}
	select {
	case <-c.closing:
		return fmt.Errorf("%s: %w: it was closed here", c.name, ErrLost)
	default:
		return fmt.Errorf("%s: %w; check that the device is still on and in the network, and give the command again", c.name, ErrLost)
	}
}
