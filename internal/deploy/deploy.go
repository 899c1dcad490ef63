package deploy

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"strings"
	"syscall"
	"time"
)

// Options configure Deploy and Rollback. The zero value is the default.
type Options struct {
	Version    int           // of the program, up to MaxVersion; 0: one above the highest that was accepted or tried
	Signed     bool          // Version is that of a signature
	Retry      bool          // install a program that has failed on this device
	MaxLatency time.Duration // highest median time of an inference on the device; 0: not measured
	Duration   time.Duration // of the measurement; 0: what the program takes, 10 s
	Restart    string        // command for the device's shell after every switch, such as the restart of a service
	Check      string        // command for the device's shell that fails if the new program does not do its work
	Timeout    time.Duration // of each command on the device; 0: DefaultTimeout

	// Base returns a program whose SHA-256 is sum, nil if it has none: if the device runs that
	// program, Deploy sends what differs from it. nil: the whole program is sent.
	Base func(sum string) []byte

	// GiveUp is why a program whose tests an earlier command has not ended is not tested again:
	// the device returns to the program before. "": it is tested.
	GiveUp string

	Say  func(doing string)      // is told each step that begins; nil: nobody
	Sent func(done, total int64) // is told how much of the program was sent; nil: nobody

	beat, stale time.Duration // of the lock; 0: the constants
}

// DefaultTimeout is how long a self-test or a command may take.
const DefaultTimeout = 2 * time.Minute

func (o Options) say(doing string) {
	if o.Say != nil {
		o.Say(doing)
	}
}

// defaults returns o with its defaults.
func (o Options) defaults() Options {
	if o.Timeout == 0 {
		o.Timeout = DefaultTimeout
	}
	if o.beat == 0 {
		o.beat, o.stale = beat, stale
	}
	return o
}

// Program is what Deploy installs.
type Program struct {
	Data   []byte // the executable file
	Model  string // name of the file that it was made from
	Serves bool   // it keeps running and serves the model by HTTP
}

// Sum is the SHA-256 of the program in hexadecimal.
func (p Program) Sum() string {
	h := sha256.Sum256(p.Data)
	return hex.EncodeToString(h[:])
}

// Outcomes of Deploy and Rollback.
const (
	Deployed   = "deployed"    // the program runs
	Unchanged  = "unchanged"   // it ran before
	RolledBack = "rolled back" // the program before runs
)

// Result is what Deploy and Rollback have done.
type Result struct {
	Outcome  string
	Current  Installed     // that current points to
	Previous Installed     // that previous points to; SHA256 is "" if there is none
	Latency  time.Duration // median time of an inference on the device; 0: not measured
	Sent     Sent          // how the program came to the device
	Found    string        // what an earlier command had left and this one has ended; "": nothing
	Damaged  string        // of Status: what is wrong with the file of Previous; "": nothing
}

// Sent says how a program came to a device. The zero value: the device had it.
type Sent struct {
	Bytes int64  // that were sent, without those of a delta that failed
	Base  string // SHA-256 of the program that a delta was made against; "": the whole program was sent
	Whole string // why a delta was not used, though there was one; "": there was none, or it was
}

// A RejectedError says that a program did not pass its tests on the device, where the program
// before still runs, or runs again.
type RejectedError struct {
	Program Installed
	Reason  string // with a remedy
	Device  string
	Old     Installed // SHA256 is "" if there is none
	Back    bool      // current pointed to the program, and points to Old again
	Restart string    // why the restart of Old failed; "": it did not, or there was none
}

func (e *RejectedError) Error() string {
	s := fmt.Sprintf("%s: version %d was not accepted: %s; ", e.Device, e.Program.Version, e.Reason)
	switch {
	case e.Old.SHA256 == "":
		return s + "no program is installed"
	case e.Back && e.Restart != "":
		return s + fmt.Sprintf("the device has returned to version %d, but %s", e.Old.Version, e.Restart)
	case e.Back:
		return s + fmt.Sprintf("the device has returned to version %d", e.Old.Version)
	}
	return s + fmt.Sprintf("version %d still runs", e.Old.Version)
}

// Deploy installs a program on a device: see the package for what it does, in which order. The
// program runs afterwards, or the one before does, and the error says why: a *RejectedError
// if it did not pass its tests. The end of ctx before the tests are over returns to the one
// before.
//
// Other errors: the version is not above the highest that was accepted, the program has failed
// before, there is no space, another deployment goes on, the device was not reached.
func Deploy(ctx context.Context, d Device, p Program, o Options) (Result, error) {
	err := d.Mkdir(".")
	if err == nil {
		err = d.Mkdir(storeName)
	}
	if err != nil {
		return Result{}, stepOf(d, "making the folder", err)
	}
	s, err := open(ctx, d, o)
	if err != nil {
		return Result{}, err
	}
	r, err := s.deploy(ctx, p)
	return r, s.close(err)
}

// session is a device whose lock is held.
type session struct {
	d     Device
	o     Options
	lock  *lock
	state *state
	found string // what an earlier command had left
	back  bool   // and that it was a trial that failed now
	stays string // why the program before was not restarted; "": it was, or nothing restarts it
	sent  Sent
}

// open takes the lock of a device and ends what an earlier command has left.
func open(ctx context.Context, d Device, o Options) (*session, error) {
	s := &session{d: d, o: o.defaults()}
	var err error
	if _, err = d.List(storeName); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %s: no program was ever installed there; install one with edgec deploy, or %s", d, d.Folder(), otherFolder(d))
	}
	if err != nil {
		return nil, s.in("reading the store", err)
	}
	if s.lock, err = acquire(ctx, d, s.o); err != nil {
		return nil, s.in("locking", err)
	}
	if s.state, err = readState(d); err != nil {
		return nil, s.close(s.in("reading its state", err))
	}
	if err := s.recover(ctx); err != nil {
		return nil, s.close(err)
	}
	return s, nil
}

// otherFolder is the remedy of giving another folder: a local one has no --folder.
func otherFolder(d Device) string {
	if _, local := d.(*Local); local {
		return "give another folder after local:"
	}
	return "give another --folder"
}

// close releases the lock and returns err, or what went wrong meanwhile.
func (s *session) close(err error) error {
	if e := s.lock.release(); err == nil && e != nil {
		return s.in("unlocking", e)
	}
	return err
}

// in is err as an error about the folder of the device.
func (s *session) in(doing string, err error) error { return stepOf(s.d, doing, err) }

func stepOf(d Device, doing string, err error) error {
	if err == nil {
		return nil
	}
	name := d.String() + ": "
	text := name + d.Folder() + ": " + doing + ": " + strings.TrimPrefix(err.Error(), name)
	switch {
	case errors.Is(err, fs.ErrPermission):
		text += "; let the user write there, or " + otherFolder(d)
	case errors.Is(err, syscall.EROFS):
		text += "; mount it for writing (sudo mount -o remount,rw) and look whether a card is locked by its switch, or " + otherFolder(d)
	}
	return &stepError{text, err}
}

// stepError says at which step an error came, and names the device once.
type stepError struct {
	text string
	err  error
}

func (e *stepError) Error() string { return e.text }
func (e *stepError) Unwrap() error { return e.err }

// write writes state.json, if the lock is still held.
func (s *session) write() error {
	err := s.lock.held()
	if err == nil {
		err = putJSON(s.d, stateName, s.state)
	}
	return s.in("writing "+stateName, err)
}

func (s *session) deploy(ctx context.Context, p Program) (Result, error) {
	in := Installed{SHA256: p.Sum(), Version: s.o.Version, Bytes: int64(len(p.Data)), Model: p.Model, Serves: p.Serves, Time: now()}
	if in.SHA256 == s.state.Current {
		return s.unchanged(ctx, p, in)
	}
	if in.Version == 0 {
		in.Version = s.state.next()
	}
	if err := s.admit(in); err != nil {
		return Result{}, err
	}
	if s.state.Current == "" { // before anything is sent to a file system without links
		temp := temporary(".")
		if err := errors.Join(link(s.d, temp, in.SHA256), s.d.Remove(temp)); err != nil {
			return Result{}, s.in("making a link", err)
		}
	}
	if err := s.upload(ctx, p, in); err != nil {
		return Result{}, err
	}
	latency, err := s.test(ctx, in)
	if err != nil {
		return Result{}, s.rejectEarly(in, err)
	}
	previous, err := linked(s.d, previousName)
	if err != nil {
		return Result{}, s.in("reading its links", err)
	}
	s.state.Trial = &trial{Installed: in, From: s.state.Current, Previous: previous, Restart: s.o.Restart, Check: s.o.Check}
	if err := s.try(ctx); err != nil {
		return Result{}, err
	}
	return s.result(Deployed, latency)
}

// unchanged is deploy for the program that runs: it is sent again if the device's is damaged.
// Nothing is switched, so nothing is restarted.
func (s *session) unchanged(ctx context.Context, p Program, in Installed) (Result, error) {
	was, _ := s.state.find(in.SHA256)
	if in.Version != 0 && in.Version != was.Version {
		return Result{}, fmt.Errorf("%s: already runs this program, as version %d, which it keeps; leave out --version (or --pub, if the signature says version %d), or give the file that is to be version %d", s.d, was.Version, in.Version, in.Version)
	}
	if err := s.upload(ctx, p, was); err != nil {
		return Result{}, err
	}
	latency, err := s.test(ctx, was)
	if err != nil {
		return Result{}, fmt.Errorf("%s: runs this program already, as version %d, which fails: %w; edgec rollback returns to the program before", s.d, was.Version, err)
	}
	if s.o.Check != "" {
		if _, err := s.run(ctx, "the check", s.o.Check); err != nil {
			return Result{}, fmt.Errorf("%s: runs this program already, as version %d: %w", s.d, was.Version, err)
		}
	}
	return s.result(Unchanged, latency)
}

// MaxVersion is the highest version: it is a whole number on 32-bit devices too.
const MaxVersion = math.MaxInt32

// admit refuses a version that is out of range or too low, and what has failed before.
func (s *session) admit(in Installed) error {
	if s.o.Version == 0 && in.Version > MaxVersion {
		return fmt.Errorf("%s: no version is above %d, the highest that was accepted or tried; %s to begin anew", s.d, in.Version-1, otherFolder(s.d))
	}
	if in.Version < 1 || in.Version > MaxVersion {
		return fmt.Errorf("%s: version %d: give a number from 1 to %d", s.d, in.Version, MaxVersion)
	}
	if in.Version <= s.state.Highest {
		remedy := "give a higher --version, or leave it out"
		if s.o.Signed {
			remedy = "sign it again with a higher --version"
		}
		return fmt.Errorf("%s: version %d is not above %d, the highest that was accepted; %s (edgec rollback returns to the program before)", s.d, in.Version, s.state.Highest, remedy)
	}
	for _, f := range s.state.Failed {
		if s.o.Retry || f.SHA256 != in.SHA256 && f.Version != in.Version {
			continue
		}
		what := "this program"
		if f.SHA256 != in.SHA256 {
			what = fmt.Sprintf("version %d", f.Version)
		}
		return fmt.Errorf("%s: %s has failed there on %s: %s; --retry tries it again", s.d, what, f.Time.Format(time.DateOnly), f.Reason)
	}
	return nil
}

// reserve is the space that is left beside a program, in bytes.
const reserve = 1 << 20

// upload puts the program into the store, unless it is there.
func (s *session) upload(ctx context.Context, p Program, in Installed) error {
	folder := path.Join(storeName, in.SHA256)
	name := path.Join(folder, programName)
	if has, err := s.d.Sum(ctx, name); err != nil && ignoreMissing(err) != nil {
		return s.in("reading "+name, err)
	} else if has != in.SHA256 {
		if err := s.send(ctx, p, folder); err != nil {
			return err
		}
	}
	return s.in("writing "+manifestName, putJSON(s.d, path.Join(folder, manifestName), in))
}

// send sends the program, or what differs from the one that runs, and compares what the device
// has then.
func (s *session) send(ctx context.Context, p Program, folder string) error {
	size := int64(len(p.Data))
	free, err := s.d.Free()
	if err != nil {
		return s.in("asking for free space", err)
	}
	if free < size+reserve {
		return s.in("the disk is full", fmt.Errorf("%d bytes are free, the program takes %d and %d stay free; remove files there", free, size, reserve))
	}
	if err := s.d.Mkdir(folder); err != nil {
		return s.in("making "+folder, err)
	}
	if err := s.d.Sync(storeName); err != nil {
		return s.in("syncing", err)
	}
	temp, done, err := s.sendDelta(ctx, p, folder)
	if err == nil && !done {
		err = s.sendWhole(ctx, p, temp)
	}
	if err != nil {
		return s.in("writing the program", s.why(ctx, err, folder, temp))
	}
	name := path.Join(folder, programName)
	err = s.d.Sync(temp)
	if err == nil {
		err = s.d.Rename(temp, name) // the manifest, which follows, has its folder synced
	}
	if err != nil {
		return s.in("writing the program", s.why(ctx, err, folder, temp))
	}
	has, err := s.d.Sum(ctx, name)
	if err == nil && has != p.Sum() {
		err = errors.New("its checksum is another one on the device: the disk or the connection is faulty")
	}
	return s.in("checking the program", err)
}

// sendWhole sends the program into the file temp.
func (s *session) sendWhole(ctx context.Context, p Program, temp string) error {
	s.o.say("sending the program")
	s.sent.Bytes, s.sent.Base = int64(len(p.Data)), ""
	return s.d.Write(temp, s.source(ctx, p.Data), 0o755, false)
}

// source is what is sent, with its progress.
func (s *session) source(ctx context.Context, data []byte) io.Reader {
	return &source{ctx: ctx, r: bytes.NewReader(data), sent: s.o.Sent, total: int64(len(data))}
}

// why removes what a failed upload has left and explains its error.
func (s *session) why(ctx context.Context, err error, folder, temp string) error {
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	_ = s.d.Remove(temp)   // what stays is swept by the next command
	_ = s.d.Remove(folder) // fails if the program is there
	if free, e := s.d.Free(); e == nil && free < reserve && ctx.Err() == nil {
		err = fmt.Errorf("the disk is full, %d bytes are free; remove files there: %w", free, err)
	}
	return err
}

// source is a program that is being sent; its end is that of ctx.
type source struct {
	ctx         context.Context
	r           io.Reader
	sent        func(done, total int64)
	done, total int64
}

func (r *source) Read(b []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := r.r.Read(b)
	r.done += int64(n)
	if r.sent != nil {
		r.sent(r.done, r.total)
	}
	return n, err
}

// Size lets the SFTP client send several packets at a time.
func (r *source) Size() int64 { return r.total }

// rejectEarly remembers a program that failed before the switch. err is that of test.
func (s *session) rejectEarly(in Installed, err error) error {
	var failed *testError
	if !errors.As(err, &failed) {
		return err
	}
	s.state.fail(in, failed.reason)
	if err := s.write(); err != nil {
		return err
	}
	if err := s.sweep(); err != nil {
		return err
	}
	old, _ := s.state.find(s.state.Current)
	return &RejectedError{Program: in, Reason: failed.reason, Device: s.d.String(), Old: old}
}

// result describes the device after a command.
func (s *session) result(outcome string, latency time.Duration) (Result, error) {
	r := Result{Outcome: outcome, Latency: latency, Found: s.found, Sent: s.sent}
	r.Current, _ = s.state.find(s.state.Current)
	previous, err := linked(s.d, previousName)
	if err == nil && previous != "" {
		r.Previous, _ = s.state.find(previous)
	}
	return r, s.in("reading its links", err)
}
