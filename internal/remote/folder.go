package remote

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Folder is a temporary folder on a host, in which programs may be executed. It goes when the
// connection does, in whatever way: a shell on the host removes it at the end of its input.
type Folder struct {
	Path  string
	Notes []string // why folders that are more usual were not taken

	ended chan error
	close func()
}

// folderScript looks for a folder with room for $1 KB in which programs can be executed, prints
// its path after what is wrong with others, and removes it at the end of its input.
const folderScript = `need=%d
trap 'exit 1' HUP INT TERM
for at in "${TMPDIR:-/tmp}" /var/tmp "$HOME"; do
	d=$(mktemp -d "$at/edgec-XXXXXXXX" 2>/dev/null) || { echo "no $at: it cannot be written"; continue; }
	trap 'rm -rf "$d"' EXIT
	free=$(df -Pk "$d" 2>/dev/null | awk 'END { print $4 }')
	if [ "${free:-$need}" -lt "$need" ]; then
		echo "no $at: its disk has $free KB left, and $need KB are needed"
	elif ! { printf '#!/bin/sh\nexit 0\n' >"$d/try" && chmod 700 "$d/try"; } 2>/dev/null; then
		echo "no $at: it cannot be written"
	elif ! "$d/try" 2>/dev/null; then
		echo "no $at: it is mounted noexec, so that no program starts there"
	else
		rm -f "$d/try"
		echo "yes $d"
		cat >/dev/null
		exit 0
	fi
	rm -rf "$d"
	trap - EXIT
done
exit 1
`

// TempFolder makes a temporary folder with room for so many bytes: in TMPDIR or /tmp, else in
// /var/tmp, else in the user's home. Remove ends it; until then it takes a session of the
// connection. ctx bounds the making alone.
func (c *Conn) TempFolder(ctx context.Context, bytes int64) (*Folder, error) {
	in, hold := io.Pipe()
	lines, out := io.Pipe()
	running, stop := context.WithCancel(context.Background())
	f := &Folder{ended: make(chan error, 1)}
	f.close = func() { hold.Close() }
	go func() {
		err := c.Run(running, fmt.Sprintf(folderScript, bytes/1000+64), in, out, nil)
		out.CloseWithError(io.EOF)
		stop()
		f.ended <- err
	}()
	abandon := context.AfterFunc(ctx, func() {
		hold.Close()
		stop()
	})
	f.read(lines)
	if inTime := abandon(); inTime && f.Path != "" {
		return f, nil
	}
	hold.Close()
	err := <-f.ended
	var exit *ExitError
	switch {
	case ctx.Err() != nil:
		return nil, context.Cause(ctx)
	case errors.As(err, &exit) && len(f.Notes) > 0:
		return nil, fmt.Errorf("%s: there is no folder for the program: %s; free some space, or set TMPDIR there to a folder that takes %d KB and programs", c.name, strings.Join(f.Notes, "; "), bytes/1000+64)
	case err == nil:
		err = errors.New("its shell ended without a word")
	}
	return nil, fmt.Errorf("%s: no temporary folder: %w", c.name, err)
}

// read reads what the script prints until there is a folder, or no more to read.
func (f *Folder) read(lines io.Reader) {
	for scan := bufio.NewScanner(lines); scan.Scan(); {
		switch kind, rest, _ := strings.Cut(scan.Text(), " "); kind {
		case "no":
			f.Notes = append(f.Notes, rest)
		case "yes":
			f.Path = rest
			go io.Copy(io.Discard, lines)
			return
		}
	}
}

// Remove removes the folder and waits until it is gone, but not for long. The error is that of
// the connection, whose end removes the folder too.
func (f *Folder) Remove() error {
	f.close()
	select {
	case err := <-f.ended:
		f.ended <- err
		return err
	case <-time.After(grace):
		return fmt.Errorf("%s: was not removed in time; it goes with the connection", f.Path)
	}
}
