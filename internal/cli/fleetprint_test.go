package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"edgec/internal/fleet"
)

// What a program has printed on a device moves no cursor of who watches the agent.
func TestPrintReport(t *testing.T) {
	var out bytes.Buffer
	a := &app{stdout: &out}
	if err := a.printReport(fleet.Report{Device: "pi", State: fleet.Failed, Cause: "wrong\x1b[2J\noutput", Time: time.Unix(0, 0)}); err != nil {
		t.Fatal(err)
	}
	if text := out.String(); strings.Count(text, "\n") != 1 || strings.Contains(text, "\x1b") || !strings.Contains(text, "output") {
		t.Errorf("%q", text)
	}
}

// Devices that are silent are counted beside those that run the program: they may run it no more.
func TestSilentIsSaid(t *testing.T) {
	r := fleetState{Version: 3, Devices: []fleetDevice{{Updated: true}, {Updated: true, Silent: true}, {Silent: true}}}
	if rows := publishedRows(r); !slices.Contains(rows, "silent\t2 devices have not reported for an hour; their latest report counts") {
		t.Errorf("%q", rows)
	}
	if rows := publishedRows(fleetState{Version: 3, Devices: []fleetDevice{{Updated: true}}}); strings.Contains(strings.Join(rows, ""), "silent") {
		t.Errorf("%q", rows)
	}
}
