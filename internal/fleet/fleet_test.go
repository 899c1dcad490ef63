package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"edgec/internal/deploy"
	"edgec/internal/sign"
)

func newKey(t testing.TB) sign.SecretKey {
	t.Helper()
	key, err := sign.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// example is a document with everything that one can have.
func example() *Desired {
	sum := strings.Repeat("ab", 32)
	return &Desired{Schema: schema, Fleet: "cameras", Serial: 7, Rollout: "version-3", Version: 3, Stage: Stage{Number: 1, Of: 2, Percent: 12.5, Devices: []string{"pi-1", "pi_2"}},
		Retry: true, MaxLatency: time.Millisecond, Time: time.Unix(1_700_000_000, 0).UTC(),
		Programs: []Program{{File: "classify-2.1+x", System: deploy.System{GOOS: "linux", GOARCH: "arm", GOARM: "6"}, SHA256: sum, Bytes: 10, Model: "net.edgec", Reference: "host/a@sha256:" + sum, Deltas: []Delta{{sum, sum, 3}}}}}
}

// What was sealed is opened, the same.
func TestSeal(t *testing.T) {
	key, want := newKey(t), example()
	sealed, err := Seal(want, key)
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(sealed, key.Public(), "cameras")
	a, _ := json.Marshal(want)
	b, _ := json.Marshal(got)
	if err != nil || !bytes.Equal(a, b) {
		t.Errorf("%s, %v", b, err)
	}
	var foreign *ForeignError
	for i := range sealed { // the comment and padding bits of a signature are free
		changed := slices.Clone(sealed)
		changed[i] ^= 4
		d, err := Open(changed, key.Public(), "cameras")
		if err == nil {
			has, _ := json.Marshal(d)
			if !bytes.Equal(has, a) {
				t.Fatalf("byte %d, %q, was changed: %s", i, sealed[i], has)
			}
		} else if !errors.As(err, &foreign) {
			t.Fatal(err)
		}
	}
}

// What a document may not hold is neither signed nor read.
func TestDocumentLimits(t *testing.T) {
	for name, change := range map[string]func(*Desired){
		"schema":      func(d *Desired) { d.Schema = 0 },
		"newer":       func(d *Desired) { d.Schema = 2 },
		"serial":      func(d *Desired) { d.Serial = 0 },
		"version":     func(d *Desired) { d.Version = 0 },
		"negative":    func(d *Desired) { d.Version = -1 },
		"fleet":       func(d *Desired) { d.Fleet = "a/b" },
		"roll-out":    func(d *Desired) { d.Rollout = "" },
		"device":      func(d *Desired) { d.Stage.Devices[0] = "../pi" },
		"devices":     func(d *Desired) { d.Stage.Devices = make([]string, MostNamed+1) },
		"percent":     func(d *Desired) { d.Stage.Percent = 101 },
		"latency":     func(d *Desired) { d.MaxLatency = -1 },
		"file":        func(d *Desired) { d.Programs[0].File = "a/b" },
		"hidden file": func(d *Desired) { d.Programs[0].File = ".." },
		"model":       func(d *Desired) { d.Programs[0].Model = "" },
		"checksum":    func(d *Desired) { d.Programs[0].SHA256 = "../x" },
		"no bytes":    func(d *Desired) { d.Programs[0].Bytes = 0 },
		"bytes":       func(d *Desired) { d.Programs[0].Bytes = MostFile + 1 },
		"base":        func(d *Desired) { d.Programs[0].Deltas[0].Base = "" },
		"delta":       func(d *Desired) { d.Programs[0].Deltas[0].Bytes = -1 },
		"deltas":      func(d *Desired) { d.Programs[0].Deltas = make([]Delta, mostDeltas+1) },
		"programs":    func(d *Desired) { d.Programs = make([]Program, mostPrograms+1) },
	} {
		d := example()
		change(d)
		if _, err := Seal(d, newKey(t)); err == nil {
			t.Errorf("%s was signed", name)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := decode(text); err == nil {
			t.Errorf("%s was read", name)
		}
	}
}

// Stages in words.
func TestParseShares(t *testing.T) {
	for text, want := range map[string]string{"1,5,all": "[1 5 all]", "10%, 50%,all": "[10% 50% all]", "all": "[all]", "3": "[3]", "0.5%": "[0.5%]", "100%": "[all]", "5,20%": "[5 20%]"} {
		if got, err := ParseShares(text); err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "0", "-1", "1,1", "5,1", "all,all", "all,5", "50%,10%", "101%", "0%", "NaN%", "1;2", "2001", strings.Repeat("1,", 40) + "all"} {
		if got, err := ParseShares(text); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

// A stage in percent has about its part of the devices, and all of the stages before.
func TestStagesInPercent(t *testing.T) {
	const devices = 4000
	in := func(rollout string, percent float64) (n int) {
		for i := range devices {
			name := fmt.Sprintf("pi-%d", i)
			if (Stage{Percent: percent}).Includes(rollout, name) {
				n++
				if !(Stage{Percent: percent + 5}).Includes(rollout, name) {
					t.Fatalf("%s leaves the roll-out", name)
				}
			}
		}
		return n
	}
	for _, percent := range []float64{1, 10, 50, 90} {
		n, spread := in("a", percent), 4*math.Sqrt(devices*percent/100*(1-percent/100))
		if math.Abs(float64(n)-devices*percent/100) > spread {
			t.Errorf("%v %% are %d of %d devices", percent, n, devices)
		}
	}
	if in("a", 100) != devices || in("a", 0) != 0 {
		t.Error("all or none")
	}
	names := []string{"a", "b", "c", "d", "e", "f", "g", "h"}
	if slices.Equal(Order("version-1", names), Order("version-2", names)) {
		t.Error("the same device is always the first")
	}
}

// known are reports of devices; those with a name that begins with old are silent.
func known(names ...string) (all []Received) {
	for _, name := range names {
		r := Received{Report: Report{Device: name, State: Waiting}, At: time.Now()}
		if strings.HasPrefix(name, "old") {
			r.At = r.At.Add(-2 * fresh)
		}
		all = append(all, r)
	}
	return all
}

// A stage that counts takes devices that answer, and keeps those that it had.
func TestStagesByCount(t *testing.T) {
	devices := known("old-1", "a", "b", "old-2", "c", "d")
	first := stageOf(Share{Count: 1}, "r", Stage{Of: 3}, devices)
	second := stageOf(Share{Count: 4}, "r", first, append(devices, known("x", "y", "z")...))
	if len(first.Devices) != 1 || len(second.Devices) != 4 || second.Devices[0] != first.Devices[0] || second.Number != 2 || strings.Contains(fmt.Sprint(second.Devices), "old") {
		t.Errorf("%+v, %+v", first, second)
	}
	if s := stageOf(Share{Count: 5}, "r", Stage{}, devices); len(s.Devices) != 5 || !strings.HasPrefix(s.Devices[4], "old") {
		t.Errorf("silent devices are the last: %v", s.Devices)
	}
	if s := stageOf(Share{Percent: 1e-9}, "r", Stage{}, devices); len(s.Devices) != 1 {
		t.Errorf("a stage without a device: %+v", s)
	}
}

// Devices of a stage by what they report.
func TestCount(t *testing.T) {
	d := example()
	d.Retry, d.Stage = false, Stage{Devices: []string{"good", "failed", "old", "waiting", "wrong", "other", "gone"}}
	sum := d.Programs[0].SHA256
	reports := []Received{
		{Report{Device: "good", State: Running, SHA256: sum, Version: 3}, time.Now()},
		{Report{Device: "failed", State: Failed, Failed: 3}, time.Now()},
		{Report{Device: "old", State: Failed, Failed: 2}, time.Now()},
		{Report{Device: "waiting", State: Waiting}, time.Now()},
		{Report{Device: "wrong", State: Running, SHA256: strings.Repeat("0", 64), Version: 3}, time.Now()},
		{Report{Device: "other", State: Failed, Serial: 8}, time.Now()},
		{Report{Device: "stranger", State: Failed, Failed: 3}, time.Now()},
	}
	if c := count(d, reports, 8); c.updated != 1 || len(c.failed) != 2 || len(c.pending) != 4 {
		t.Errorf("%+v", c)
	}
	d.Retry = true
	if c := count(d, reports, 8); c.updated != 1 || len(c.failed) != 1 || len(c.pending) != 5 {
		t.Errorf("to be tried again: %+v", c)
	}
	d.Stage = Stage{Percent: 100}
	reports[0].At = time.Now().Add(-2 * fresh)
	if c := count(d, reports, 8); c.updated != 0 || c.total() != 6 {
		t.Errorf("silent: %+v", c)
	}
}

// FuzzOpen reads documents that were signed, with any content, and others: it may only refuse.
func FuzzOpen(f *testing.F) {
	key := newKey(f)
	content, err := example().encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(content)
	f.Add([]byte(`{"schema":1,"stage":{"percent":1e309}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if d, err := Open(data, key.Public(), "cameras"); err == nil {
			t.Fatalf("unsigned: %+v", d)
		}
		d, err := decode(data)
		if err != nil {
			return
		}
		sealed, err := Seal(d, key)
		if err != nil && len(data) < MostDocument/2 {
			t.Fatal(err)
		}
		if again, err := Open(sealed, key.Public(), d.Fleet); err != nil && len(sealed) > 0 || again != nil && again.Serial != d.Serial {
			t.Fatal(err)
		}
	})
}

// FuzzReport reads reports that anybody may have written.
func FuzzReport(f *testing.F) {
	data, err := Report{Device: "pi", Fleet: "test", State: Failed, Cause: "cause"}.Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := decodeReport("pi", data)
		if err != nil {
			return
		}
		if r.Device != "pi" || strings.ContainsAny(r.Cause+r.System, "\x1b\n\r\x00") || len(r.Cause) > mostCause {
			t.Errorf("%+v", r)
		}
	})
}
