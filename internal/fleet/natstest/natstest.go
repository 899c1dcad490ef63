// Package natstest runs a NATS server inside of a test.
package natstest

import (
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// Start starts a server with JetStream on a free port of the loopback, and returns its address. It
// ends with the test, and its files are removed.
func Start(t testing.TB) (address string) {
	t.Helper()
	return Restart(t, t.TempDir(), server.RANDOM_PORT).ClientURL()
}

// Restart starts a server on a port, with what an earlier one has left in the folder.
func Restart(t testing.TB, folder string, port int) *server.Server {
	t.Helper()
	const most = 256 << 20
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: port, JetStream: true, StoreDir: folder, NoSigs: true, NoLog: true, JetStreamMaxMemory: most, JetStreamMaxStore: most, MaxPayload: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server does not start")
	}
	return s
}
