package remote

import (
	"testing"
	"time"
)

// A server may pass on standard output before the line with the number of the process.
func TestPIDLate(t *testing.T) {
	p := newPIDLine(nil)
	go func() {
		time.Sleep(20 * time.Millisecond)
		p.Write([]byte("before\n" + string(p.mark)))
		p.Write([]byte("17\nafter\n"))
	}()
	if pid := p.get(time.Minute); pid != "17" {
		t.Errorf("%q", pid)
	}
	if pid := newPIDLine(nil).get(time.Millisecond); pid != "" {
		t.Errorf("%q", pid)
	}
}
