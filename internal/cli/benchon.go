package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"edgec"
	"edgec/internal/disk"
	"edgec/internal/remote"
	"edgec/runtime/program"
	"edgec/targets"
)

// build builds the program for a board, as edgec build does, into a temporary folder, which
// m.end removes.
func (m *measuring) build(ctx context.Context, b *benchFlags, model []byte, board targets.Board, p *progress) (file string, data []byte, err error) {
	p.work("compiling a program for "+board.Name, "; the first one for a processor takes longest")
	dir, done, err := disk.Folder("edgec-bench-")
	if err != nil {
		return "", nil, fmt.Errorf("%w; set TMPDIR to a folder that can be written", err)
	}
	end := m.end
	m.end = func() {
		end()
		done()
	}
	file = filepath.Join(dir, "program")
	if _, err := targets.Build(ctx, edgec.Sources, model, board, file, targets.Options{Go: b.goTool, Version: readVersion().Version, Bench: targets.Yes}); err != nil {
		return "", nil, err
	}
	if data, err = os.ReadFile(file); err != nil {
		return "", nil, err
	}
	m.Target, m.Program = board.Name, hash(data)
	return file, data, nil
}

// programOptions are the options of a device program that measures as b asks for. It ends
// with its standard input.
func (b *benchFlags) programOptions() []string {
	args := []string{"--bench", "--json", "--until-eof"}
	options := b.options()
	if i := slices.Index(options, "--runs"); i >= 0 {
		args[0] = "--bench=" + options[i+1]
		options = slices.Delete(options, i, i+2)
	}
	return append(args, options...)
}

// emulate measures under qemu-user.
func (m *measuring) emulate(ctx context.Context, b *benchFlags, cpu string, model []byte, p *progress) error {
	board, err := targets.Emulated(cpu)
	if err == nil && b.target != "" {
		board, err = targets.Find(b.target)
		board.QEMU = cpu
	}
	if err != nil {
		return err
	}
	words, ok := board.Emulator()
	if !ok {
		return fmt.Errorf("%s is not installed; install it: apt install qemu-user-static", words[0])
	}
	file, _, err := m.build(ctx, b, model, board, p)
	if err != nil {
		return err
	}
	words = append(append(words, file), b.programOptions()...)
	m.run = func(ctx context.Context) ([]byte, error) {
		cmd := exec.CommandContext(ctx, words[0], words[1:]...)
		cmd.WaitDelay = waitAfter
		hold, err := cmd.StdinPipe() // stays open until the process has ended
		if err != nil {
			return nil, err
		}
		defer hold.Close()
		text, err := cmd.Output()
		if err != nil {
			return nil, programError(text, fmt.Errorf("under %s: %w", strings.Join(words[:len(words)-len(b.programOptions())-1], " "), err))
		}
		return text, nil
	}
	return nil
}

// reach makes m measure on a host: it connects, builds what the host can execute, and copies
// it there.
func (a *app) reach(ctx context.Context, m *measuring, b *benchFlags, model []byte, p *progress) error {
	if _, _, err := targets.Toolchain(ctx, b.goTool); err != nil {
		return err
	}
	p.work("connecting to "+b.on, "")
	conn, err := a.dial(ctx, b.on, b.acceptNew)
	if err != nil {
		return err
	}
	end := m.end
	m.end = func() {
		end()
		conn.Close()
	}
	m.On = conn.Name()
	board, err := a.boardOf(ctx, conn, b.target)
	if err != nil {
		return err
	}
	_, data, err := m.build(ctx, b, model, board, p)
	if err != nil {
		return err
	}
	folder, err := conn.TempFolder(ctx, int64(len(data)))
	if err != nil {
		return err
	}
	after := m.end
	m.end = func() {
		folder.Remove() // otherwise it goes with the connection
		after()
	}
	for _, note := range folder.Notes {
		a.note("%s: not %s", conn.Name(), note)
	}
	p.work("copying the program to "+conn.Name()+":"+folder.Path, "")
	file := path.Join(folder.Path, "program")
	if err := upload(ctx, conn, file, data, p); err != nil {
		return err
	}
	m.run = func(ctx context.Context) ([]byte, error) { return runRemote(ctx, conn, file, b, board) }
	return nil
}

// systemScript prints what a host is: its system, its machine, the bits of its programs, and
// the name of the board. Where there is no getconf, the shell's own file tells the bits.
const systemScript = `uname -s; uname -m
getconf LONG_BIT 2>/dev/null || echo $((32 * $(od -An -tu1 -j4 -N1 /bin/sh)))
tr -d '\000' </proc/device-tree/model 2>/dev/null || :`

// boardOf returns the board of that name or, if it is empty, the one that the host says it is.
func (a *app) boardOf(ctx context.Context, conn *remote.Conn, name string) (targets.Board, error) {
	if name != "" {
		return targets.Find(name)
	}
	text, err := conn.Output(ctx, systemScript)
	if err != nil {
		return targets.Board{}, err
	}
	lines := append(strings.Split(text, "\n"), "", "", "", "")
	system, machine, model := lines[0], lines[1], strings.TrimSpace(lines[3])
	if system != "Linux" {
		return targets.Board{}, fmt.Errorf("%s: runs %q, and programs are built for Linux", conn.Name(), system)
	}
	bits, _ := strconv.Atoi(strings.TrimSpace(lines[2])) // 0: not known
	board, err := targets.Detect(machine, bits, model)
	if err != nil {
		return targets.Board{}, fmt.Errorf("%s: %s", conn.Name(), strings.TrimPrefix(err.Error(), "targets: "))
	}
	of := ""
	if model != "" {
		of = " (" + model + ")"
	}
	a.note("%s is %s with %d bits%s: building for %s; --target names another board", conn.Name(), machine, bits, of, board.Name)
	return board, nil
}

// counted is a program on its way, and tells how far it is.
type counted struct {
	*bytes.Reader
	p *progress
}

func (c counted) Read(b []byte) (int, error) {
	n, err := c.Reader.Read(b)
	c.p.steps(int(c.Size())-c.Len(), int(c.Size()))
	return n, err
}

// upload writes a program to a file of the host, by the host's shell: small systems have no
// SFTP.
func upload(ctx context.Context, conn *remote.Conn, file string, data []byte, p *progress) error {
	name := remote.Quote(file)
	var out, complaint programOutput
	err := conn.Run(ctx, "cat >"+name+" && chmod 700 "+name+" && wc -c <"+name, counted{bytes.NewReader(data), p}, &out, &complaint)
	var exit *remote.ExitError
	switch n, wrong := strconv.Atoi(strings.TrimSpace(out.String())); {
	case errors.As(err, &exit):
		line, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		return fmt.Errorf("%s: the program, %d KB, cannot be written to %s: %s; free some space there, or set TMPDIR to another folder", conn.Name(), len(data)/1000, file, line)
	case err != nil:
		return err
	case wrong != nil || n != len(data):
		return fmt.Errorf("%s: %d of the %d bytes of the program have arrived; give the command again", conn.Name(), n, len(data))
	}
	return nil
}

// mostPrinted bounds what is kept of the output of a program.
const mostPrinted = 64 << 20

// runRemote measures by one process on a host.
func runRemote(ctx context.Context, conn *remote.Conn, file string, b *benchFlags, board targets.Board) ([]byte, error) {
	words := []string{"exec", remote.Quote(file)}
	for _, o := range b.programOptions() {
		words = append(words, remote.Quote(o))
	}
	in, hold := io.Pipe() // the program ends when this does
	defer hold.Close()
	before := throttled(ctx, conn)
	var out, complaint programOutput
	if err := conn.Run(ctx, strings.Join(words, " "), in, &out, &complaint); err != nil {
		return nil, remoteError(conn, board, &out, &complaint, err)
	}
	f, err := readFields(out.Bytes())
	if err != nil {
		return out.Bytes(), nil // the caller says so
	}
	if after := throttled(ctx, conn); before >= 0 && after >= 0 && !f.get("throttled_before", new(int)) {
		if f, err = withThrottling(f, before, after); err != nil {
			return nil, err
		}
	}
	return f.MarshalJSON()
}

// programOutput keeps what a program prints, up to a limit.
type programOutput struct{ bytes.Buffer }

func (p *programOutput) Write(b []byte) (int, error) {
	if p.Len()+len(b) > mostPrinted {
		return 0, errors.New("the program prints too much")
	}
	return p.Buffer.Write(b)
}

// throttled asks a Raspberry Pi's firmware, -1 on other hosts.
func throttled(ctx context.Context, conn *remote.Conn) int {
	text, err := conn.Output(ctx, "vcgencmd get_throttled 2>/dev/null")
	value, ok := strings.CutPrefix(text, "throttled=0x")
	bits, wrong := strconv.ParseUint(value, 16, 31)
	if err != nil || !ok || wrong != nil {
		return -1
	}
	return int(bits)
}

// withThrottling adds what the firmware told before and after.
func withThrottling(f fields, before, after int) (fields, error) {
	var warnings []string
	f.get("warnings", &warnings)
	warnings = append(warnings, program.Throttling(before, after)...)
	f, err := f.set("throttled_before", before)
	if err == nil {
		f, err = f.set("throttled_after", after)
	}
	if err == nil && len(warnings) > 0 {
		f, err = f.set("warnings", warnings)
	}
	return f, err
}

// remoteError explains why a program failed on a host.
func remoteError(conn *remote.Conn, board targets.Board, out, complaint *programOutput, err error) error {
	var exit *remote.ExitError
	if !errors.As(err, &exit) {
		return err
	}
	line, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
	switch {
	case exit.Code == 126 || exit.Code == 127:
		return fmt.Errorf("%s cannot execute a program for %s: %s; name the right board with --target (edgec targets lists them)", conn.Name(), board.Name, line)
	case exit.Signal == "ILL":
		return fmt.Errorf("%s lacks instructions that a program for %s has; name the right board with --target (edgec targets lists them)", conn.Name(), board.Name)
	case exit.Signal == "KILL":
		return fmt.Errorf("%s: the program was killed; the host may have too little memory (dmesg tells)", conn.Name())
	case exit.Signal != "":
		return fmt.Errorf("%s: the program ended by the signal %s", conn.Name(), exit.Signal)
	}
	if line == "" {
		line = fmt.Sprintf("the program ended with the exit code %d", exit.Code)
	}
	return fmt.Errorf("%s: %w", conn.Name(), programError(out.Bytes(), errors.New(line)))
}
