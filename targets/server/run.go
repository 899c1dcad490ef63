package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// The times and sizes that a client has, beside the options.
const (
	headerTime  = 5 * time.Second
	idleTime    = time.Minute
	headerBytes = 16 << 10
	connections = 1024 // at the same time; others wait in the system's queue
)

// run serves until ctx is done, then lets requests finish. stop ends the watch for signals, so
// that a second one ends the process.
func run(ctx context.Context, stop func(), o options, log io.Writer) error {
	if err := o.check(); err != nil {
		return err
	}
	s, err := newServer(o)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", o.listen)
	if err != nil {
		return fmt.Errorf("%w; choose another address with --listen", err)
	}
	h := &http.Server{Handler: s.routes(), ReadHeaderTimeout: headerTime, ReadTimeout: o.timeout, WriteTimeout: 2 * o.timeout,
		IdleTimeout: idleTime, MaxHeaderBytes: headerBytes}
	fmt.Fprintf(log, "serving %s at http://%s, %d workers\n", s.name, l.Addr(), o.workers)
	served := make(chan error, 1)
	go func() { served <- h.Serve(limit(l, connections)) }()
	s.ready.Store(true)
	notify(ctx, "READY=1")
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop()
	s.ready.Store(false)
	notify(context.Background(), "STOPPING=1")
	fmt.Fprintf(log, "stopping; requests have %v to finish\n", o.drain)
	end, cancel := context.WithTimeout(context.Background(), o.drain)
	defer cancel()
	if err := h.Shutdown(end); err != nil {
		h.Close()
		return fmt.Errorf("requests were cut off after %v; --drain gives them more time", o.drain)
	}
	return nil
}

// limited is a listener with a bounded number of open connections.
type limited struct {
	net.Listener
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func limit(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

// Close ends an Accept that waits for a slot too: the server waits for it before it lets idle
// connections go.
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &conn{Conn: c, slots: l.slots}, nil
}

// conn gives its slot back once.
type conn struct {
	net.Conn
	slots  chan struct{}
	closed atomic.Bool
}

func (c *conn) Close() error {
	if !c.closed.Swap(true) {
		<-c.slots
	}
	return c.Conn.Close()
}

// notify tells systemd, where it has started the program (sd_notify(3)). After READY=1 it goes on
// telling that the program lives, if systemd wants to know, until ctx is done.
func notify(ctx context.Context, state string) {
	address := os.Getenv("NOTIFY_SOCKET")
	if address == "" {
		return
	}
	c, err := net.Dial("unixgram", address)
	if err != nil {
		return // systemd has gone, and the requests have not
	}
	c.Write([]byte(state))
	every, err := time.ParseDuration(os.Getenv("WATCHDOG_USEC") + "us")
	if state != "READY=1" || err != nil || every <= 0 {
		c.Close()
		return
	}
	go func() {
		defer c.Close()
		t := time.NewTicker(every / 2)
		defer t.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.C:
				c.Write([]byte("WATCHDOG=1"))
			}
		}
	}()
}
