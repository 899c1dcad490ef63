package deploy

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"edgec/internal/deep"
)

// quickly are options without a wait for dead owners of locks.
func quickly() Options { return Options{beat: time.Hour, stale: time.Nanosecond} }

// deployed installs programs one after the other.
func deployed(t testing.TB, programs ...Program) *disk {
	t.Helper()
	d := newDisk()
	for _, p := range programs {
		if _, err := Deploy(t.Context(), d, p, quickly()); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// scenario is a command on a device with programs, of which a cut of power may find any part
// done.
type scenario struct {
	name   string
	before []Program
	do     func(ctx context.Context, d *disk) error
	// may are the programs that may run after a cut, the one that ran before is first; must is
	// the one that runs after the command.
	may   []Program
	must  Program
	fails Program // does not pass
}

// more are scenarios of packages that use this one, and also returns for their names what else is
// wrong with a disk after a cut of power. ended says that the command had ended before.
var (
	more []scenario
	also = map[string]func(d *disk, ended bool) error{}
)

var one, two, three, fourth = made("good", "one"), made("good", "two"), made("good", "three"), made("good", "fourth")

// largeOnes are the programs that deltas are made of.
var largeOnes = []Program{large("good", "one"), large("good", "two"), large("plain", "one"), large("wrong", "one"), large("broken", "two")}

// baseOf is of Options.
func baseOf(sum string) []byte {
	for _, p := range largeOnes {
		if p.Sum() == sum {
			return p.Data
		}
	}
	return nil
}

func install(p Program) func(context.Context, *disk) error {
	return func(ctx context.Context, d *disk) error {
		o := quickly()
		o.MaxLatency, o.Base = 5*time.Millisecond, baseOf
		_, err := Deploy(ctx, d, p, o)
		var rejected *RejectedError
		if kind, _, _ := strings.Cut(string(p.Data), " "); kind != "good" && errors.As(err, &rejected) {
			return nil
		}
		return err
	}
}

func rollBack(ctx context.Context, d *disk) error {
	_, err := Rollback(ctx, d, quickly())
	return err
}

func scenarios() []scenario {
	broken, slow, unfit := made("broken", "x"), made("slow", "y"), made("unfit", "z")
	all := []scenario{
		{"first", nil, install(one), []Program{{}, one}, one, Program{}},
		{"second", []Program{one}, install(two), []Program{one, two}, two, Program{}},
		{"third", []Program{one, two}, install(three), []Program{two, three}, three, Program{}},
		{"the one before again", []Program{one, two}, install(one), []Program{two, one}, one, Program{}},
		{"failing self-test", []Program{one, two}, install(broken), []Program{two}, two, broken},
		{"too slow", []Program{one, two}, install(slow), []Program{two}, two, slow},
		{"failing in its place", []Program{one, two}, install(unfit), []Program{two, unfit}, two, unfit},
		{"failing in its place, first", nil, install(unfit), []Program{{}, unfit}, Program{}, unfit},
		{"rollback", []Program{one, two}, rollBack, []Program{two, one}, one, Program{}},
		{"by a delta", largeOnes[:1], install(largeOnes[1]), largeOnes[:2], largeOnes[1], Program{}},
		{"a delta that cannot be applied", largeOnes[2:3], install(largeOnes[1]), []Program{largeOnes[2], largeOnes[1]}, largeOnes[1], Program{}},
	}
	if deep.On() {
		all = append(all, []scenario{
			{"a delta that makes something else", largeOnes[3:4], install(largeOnes[1]), []Program{largeOnes[3], largeOnes[1]}, largeOnes[1], Program{}},
			{"failing self-test after a delta", largeOnes[:1], install(largeOnes[4]), largeOnes[:1], largeOnes[0], largeOnes[4]},
		}...)
	}
	return append(all, more...)
}

// current reads which program runs, and that it is whole.
func current(d *disk) (sum string, err error) {
	sum, err = linked(d, currentName)
	if err != nil || sum == "" {
		return "", err
	}
	has, err := d.Sum(context.Background(), path.Join(currentName, programName))
	if err == nil && has != sum {
		err = errors.New("current is not whole")
	}
	return sum, err
}

func (p Program) sumOrNone() string {
	if p.Data == nil {
		return ""
	}
	return p.Sum()
}

// check returns what is wrong with a disk after a cut of power. ended says that the command had
// ended before, failed that the program had failed in its place.
func (sc scenario) check(d *disk, ended, failed bool) error {
	sum, err := current(d)
	if err != nil {
		return err
	}
	if wrong := also[sc.name]; wrong != nil {
		if err := wrong(d, ended); err != nil {
			return err
		}
	}
	if !slices.ContainsFunc(sc.may, func(p Program) bool { return p.sumOrNone() == sum }) {
		return fmt.Errorf("current is %.8s", sum)
	}
	if ended && sum != sc.must.sumOrNone() {
		return fmt.Errorf("current is %.8s after the command has ended", sum)
	}
	if err := sc.checkLinks(d, sum); err != nil {
		return err
	}
	highest := len(sc.before) // they have the versions 1, 2, ...
	if _, err := d.List(storeName); err == nil {
		r, failures, err := Status(context.Background(), d, quickly())
		if err != nil {
			return fmt.Errorf("status: %w", err)
		}
		if err := sc.checkStatus(d, r, failures, ended, failed); err != nil {
			return err
		}
		sum, highest = r.Current.SHA256, max(highest, r.Current.Version)
	}
	return checkNext(d, sum, highest)
}

// checkStatus returns what is wrong after a command has seen what the cut of power left.
func (sc scenario) checkStatus(d *disk, r Result, failures []Failure, ended, failed bool) error {
	sum, err := current(d)
	if err != nil || sum != r.Current.SHA256 {
		return fmt.Errorf("current is %.8s after status, which says %.8s: %v", sum, r.Current.SHA256, err)
	}
	if sum != sc.may[0].sumOrNone() && sum != sc.must.sumOrNone() {
		return fmt.Errorf("current is %.8s after status", sum)
	}
	if sum != "" && r.Current.Version == 0 {
		return errors.New("the version is forgotten")
	}
	if ended && r.Found != "" {
		return fmt.Errorf("the command had ended, and left: %s", r.Found)
	}
	if want := sc.previous(sum); r.Previous.SHA256 != want {
		return fmt.Errorf("previous is %.8s, want %.8s", r.Previous.SHA256, want)
	}
	remembered := false
	for _, f := range failures {
		if f.SHA256 != sc.fails.sumOrNone() {
			return fmt.Errorf("a good program counts as failed: %s", f.Reason)
		}
		remembered = true
	}
	if (failed || ended && sc.fails.Data != nil) && !remembered {
		return errors.New("the failure is forgotten")
	}
	return nil
}

// checkLinks returns what is wrong before any command has come: the manifest of the program that
// runs, and the program that the device itself can return to.
func (sc scenario) checkLinks(d *disk, sum string) error {
	if sum == "" {
		return nil
	}
	manifest, err := d.Read(path.Join(currentName, manifestName), mostState)
	if err != nil || !strings.Contains(string(manifest), sum) {
		return fmt.Errorf("manifest %q, %v", manifest, err)
	}
	if sum != sc.may[0].sumOrNone() {
		if before, err := linked(d, previousName); err != nil || before != sc.may[0].sumOrNone() {
			return fmt.Errorf("previous is %.8s after the switch: %v", before, err)
		}
	}
	return nil
}

// previous is the program that previous points to when the one with this checksum runs.
func (sc scenario) previous(sum string) string {
	if sum != sc.may[0].sumOrNone() {
		return sc.may[0].sumOrNone()
	}
	if n := len(sc.before); n >= 2 {
		return sc.before[n-2].sumOrNone()
	}
	return ""
}

// checkNext installs another program after a cut of power, and returns to the one before.
func checkNext(d *disk, before string, highest int) error {
	r, err := Deploy(context.Background(), d, fourth, quickly())
	if err != nil {
		return fmt.Errorf("the next deployment: %w", err)
	}
	sum, err := current(d)
	if err != nil || sum != fourth.Sum() {
		return fmt.Errorf("current is %.8s after the next deployment: %v", sum, err)
	}
	if r.Previous.SHA256 != before || r.Current.Version <= highest {
		return fmt.Errorf("after the next deployment previous is %.8s and the version %d; want %.8s, above %d", r.Previous.SHA256, r.Current.Version, before, highest)
	}
	if before == "" {
		return nil
	}
	r, err = Rollback(context.Background(), d, quickly())
	if sum, e := current(d); err != nil || e != nil || sum != before || r.Current.SHA256 != before {
		return fmt.Errorf("current is %.8s after a rollback: %v, %v", sum, err, e)
	}
	return nil
}

// watch calls visit with each disk that a cut of power may leave while d changes, and each once
// for the same of ended.
func watch(d *disk, ended *bool, visit func(after *disk)) {
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	d.changed = func() {
		d.cuts(rng, func(after *disk) {
			if key := fmt.Sprint(string(after.root.append(nil)), *ended, d.failed); !seen[key] {
				seen[key] = true
				visit(after)
			}
		})
	}
}

// replay runs the scenario and checks each disk that a cut of power may leave, up to the first
// fault. forget is the number of a sync that does nothing, -1: none.
func (sc scenario) replay(t testing.TB, forget int) (cuts int, synced []string, fault error) {
	d, ended := deployed(t, sc.before...), false
	d.syncs, d.forget, d.synced = 0, forget, nil
	watch(d, &ended, func(after *disk) {
		if fault == nil {
			cuts++
			fault = sc.check(after, ended, d.failed)
		}
	})
	if err := sc.do(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	ended = true
	d.changed()
	return cuts, d.synced, fault
}

// Whatever a cut of power leaves, a whole program runs that passed its tests, the next command
// works, and what was acknowledged stays.
func TestPowerCuts(t *testing.T) {
	all := 0
	for _, sc := range scenarios() {
		cuts, _, fault := sc.replay(t, -1)
		if fault != nil {
			t.Errorf("%s: %v", sc.name, fault)
		}
		if cuts < 25 {
			t.Errorf("%s: only %d cuts", sc.name, cuts)
		}
		all += cuts
	}
	t.Logf("%d different cuts of power", all)
}

// The same for a second cut while the next command ends what the first one left.
func TestPowerCutsTwice(t *testing.T) {
	every, cuts := 37, 0
	if deep.On() {
		every = 1
	}
	for _, i := range []int{1, 6, 8, 9} {
		sc, first := scenarios()[i], 0
		d, ended := deployed(t, sc.before...), false
		watch(d, &ended, func(after *disk) {
			if first++; first%every != 0 {
				return
			}
			watch(after, &ended, func(again *disk) {
				cuts++
				if err := sc.check(again, false, d.failed || after.failed); err != nil {
					t.Errorf("%s: %v", sc.name, err)
				}
			})
			if _, _, err := Status(t.Context(), after, quickly()); err != nil {
				t.Errorf("%s: %v", sc.name, err)
			}
		})
		if err := sc.do(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	if t.Logf("%d second cuts of power", cuts); cuts < 50 {
		t.Errorf("only %d cuts", cuts)
	}
}

// The model finds that a sync is missing.
func TestPowerCutsWithoutSync(t *testing.T) {
	sc := scenarios()[1]
	_, synced, _ := sc.replay(t, -1)
	for _, n := range []int{1, len(synced) - 2} { // of the program, of the state
		if _, _, fault := sc.replay(t, n); fault == nil {
			t.Errorf("no fault without sync %d, %s", n, synced[n])
		}
	}
}

// Each sync is needed: there is a command in which a cut of power does harm without it.
func TestEachSyncIsNeeded(t *testing.T) {
	deep.Only(t)
	needed := map[string]bool{}
	for _, sc := range scenarios() {
		_, synced, _ := sc.replay(t, -1)
		for n, where := range synced {
			if needed[where] {
				continue
			}
			_, _, fault := sc.replay(t, n)
			needed[where] = fault != nil
		}
	}
	for where, is := range needed {
		if !is {
			t.Errorf("the sync of %s could be left out", where)
		}
	}
	if len(needed) < 10 {
		t.Errorf("saw %d syncs", len(needed))
	}
}
