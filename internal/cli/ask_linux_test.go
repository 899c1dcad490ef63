package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// terminal opens a pseudo-terminal: the side of the person, and that of the program.
func terminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { person.Close() })
	n, err := unix.IoctlGetInt(int(person.Fd()), unix.TIOCGPTN)
	if err == nil {
		err = unix.IoctlSetPointerInt(int(person.Fd()), unix.TIOCSPTLCK, 0)
	}
	if err != nil {
		t.Skip("there are no pseudo-terminals: ", err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skip("there are no pseudo-terminals: ", err)
	}
	t.Cleanup(func() { program.Close() })
	return person, program
}

// heard reads what a person sees, until a text has come.
func heard(t *testing.T, person *os.File, want string) string {
	t.Helper()
	var all strings.Builder
	b := make([]byte, 1000)
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		n, err := person.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		if all.Write(b[:n]); strings.Contains(all.String(), want) {
			return all.String()
		}
	}
	t.Fatalf("%q has not come, but %q", want, all.String())
	return ""
}

// echoes reports whether a terminal shows what is typed.
func echoes(t *testing.T, f *os.File) bool {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return s.Lflag&unix.ECHO != 0
}

// An answer is read from the terminal, a secret one is not shown, and the end of the context
// ends the question with the terminal as it was.
func TestAsk(t *testing.T) {
	person, program := terminal(t)
	if !term.IsTerminal(int(program.Fd())) {
		t.Fatal("no terminal")
	}
	type reply struct {
		text string
		err  error
	}
	begin := func(ctx context.Context, secret bool) chan reply {
		c := make(chan reply, 1)
		go func() {
			text, err := ask(ctx, program, program, "Trust\x1b[2J it? ", secret)
			c <- reply{text, err}
		}()
		seen := heard(t, person, "it? ")
		if strings.Contains(seen, "\x1b") {
			t.Errorf("a control character of the question is shown: %q", seen)
		}
		for end := time.Now().Add(30 * time.Second); secret && echoes(t, program) && time.Now().Before(end); time.Sleep(time.Millisecond) {
		}
		return c
	}
	plain := begin(t.Context(), false)
	fmt.Fprint(person, "yes\n")
	if r := <-plain; r.text != "yes" || r.err != nil {
		t.Errorf("%q, %v", r.text, r.err)
	}
	heard(t, person, "yes")
	hidden := begin(t.Context(), true)
	fmt.Fprint(person, "secret\n")
	if r := <-hidden; r.text != "secret" || r.err != nil || !echoes(t, program) {
		t.Errorf("%q, %v", r.text, r.err)
	}
	if seen := heard(t, person, "\n"); strings.Contains(seen, "secret") {
		t.Errorf("the secret is shown: %q", seen)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := begin(ctx, true)
	cancel()
	if r := <-ended; !errors.Is(r.err, context.Canceled) || !echoes(t, program) {
		t.Errorf("%q, %v; the terminal shows what is typed: %v", r.text, r.err, echoes(t, program))
	}
}

// A disk that becomes full during the copy is told with its numbers.
func TestUploadFull(t *testing.T) {
	s := sshHost(t)
	if err := unix.Mount("tmpfs", s.Temp, "tmpfs", 0, "size=64k"); err != nil {
		t.Skip("mounting takes privileges: ", err)
	}
	defer unix.Unmount(s.Temp, unix.MNT_DETACH)
	conn, err := (&app{stdin: strings.NewReader(""), stderr: os.Stderr, quiet: true}).dial(t.Context(), s.Host, false)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := upload(t.Context(), conn, s.Temp+"/program", make([]byte, 1<<20), nil); err == nil || !strings.Contains(err.Error(), "No space left") || !strings.Contains(err.Error(), s.Host) {
		t.Errorf("%v", err)
	}
	if err := upload(t.Context(), conn, s.Temp+"/none/program", make([]byte, 10), nil); err == nil || !strings.Contains(err.Error(), "none/program") {
		t.Errorf("%v", err)
	}
}

// A new password is asked for twice on a terminal, or comes from the environment.
func TestNewPassword(t *testing.T) {
	person, program := terminal(t)
	a := &app{stdin: program, stderr: io.Discard, layout: func(io.Writer) screen { return screen{width: 80} }}
	for _, c := range []struct {
		typed []string
		want  string // the password, or the error
	}{
		{[]string{"secret", "secret"}, "secret"},
		{[]string{"secret", "Secret"}, "the two passwords differ"},
		{[]string{""}, "the password is empty"},
	} {
		if _, err := person.WriteString(strings.Join(c.typed, "\n") + "\n"); err != nil {
			t.Fatal(err)
		}
		got, err := a.newPassword(context.Background())
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, c.want) {
			t.Errorf("typed %q: %q", c.typed, got)
		}
	}
	t.Setenv(passwordVariable, "from the environment")
	if got, err := a.newPassword(context.Background()); err != nil || got != "from the environment" {
		t.Error(got, err)
	}
	t.Setenv(passwordVariable, "")
	if _, err := a.newPassword(context.Background()); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Error(err)
	}
}
