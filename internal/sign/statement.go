package sign

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// A Statement is what a signature says of a file. Fields with their zero value are not stated:
// signatures of other tools state a time and a file name at most.
type Statement struct {
	File    string    // name, without folder; at most 255 bytes
	Size    int64     // bytes of the content
	SHA256  string    // of the content, in hexadecimal
	Version int       // from 1 to MaxVersion; newer files have higher ones
	Target  string    // board that a program is for, as edgec targets names it
	Base    string    // of a delta: SHA-256 of the file that it is applied to
	Time    time.Time // when it was signed, by the signer's clock; in seconds
	Comment string    // the whole comment; Sign ignores it
}

// MaxVersion is the highest version: it is a whole number on 32-bit devices too.
const MaxVersion = math.MaxInt32

var (
	isSum    = regexp.MustCompile(`^[0-9a-f]{64}$`)
	isTarget = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)
)

// mostName bounds the name of a file, in bytes, as file systems do.
const mostName = 255

// check returns what cannot be stated.
func (s Statement) check() error {
	var errs []error
	if s.File == "" || len(s.File) > mostName || !plain(s.File) || strings.ContainsAny(s.File, `/\`) || s.File == "." || s.File == ".." {
		errs = append(errs, fmt.Errorf("the file name %q cannot be signed; give a name of at most %d bytes, without folder and control characters", s.File, mostName))
	}
	if s.Version < 0 || s.Version > MaxVersion {
		errs = append(errs, fmt.Errorf("version %d: give a number from 1 to %d", s.Version, MaxVersion))
	}
	if s.Target != "" && !isTarget.MatchString(s.Target) {
		errs = append(errs, fmt.Errorf("target %q: give a name of lower-case letters, digits, hyphens and dots", s.Target))
	}
	if s.Base != "" && !isSum.MatchString(s.Base) {
		errs = append(errs, fmt.Errorf("base %q: give a SHA-256 as 64 hexadecimal digits", s.Base))
	}
	return errors.Join(errs...)
}

// plain reports whether a text is valid UTF-8 without control characters.
func plain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) })
}

// comment is the form in which minisign signs a statement.
func (s Statement) comment() string {
	var fields []string
	add := func(key, value string, stated bool) {
		if stated {
			fields = append(fields, key+":"+value)
		}
	}
	add("timestamp", strconv.FormatInt(s.Time.Unix(), 10), !s.Time.IsZero())
	add("file", s.File, true)
	add("size", strconv.FormatInt(s.Size, 10), true)
	add("sha256", s.SHA256, true)
	add("version", strconv.Itoa(s.Version), s.Version > 0)
	add("target", s.Target, s.Target != "")
	add("base", s.Base, s.Base != "")
	return strings.Join(append(fields, "hashed"), "\t")
}

// parseStatement reads a comment whose signature was verified. Fields that it does not know
// are left to newer versions; one that comes twice or has another form is an error.
func parseStatement(comment string) (Statement, error) {
	s := Statement{Comment: comment}
	seen := map[string]bool{}
	for field := range strings.SplitSeq(comment, "\t") {
		key, value, found := strings.Cut(field, ":")
		set := setters[key]
		if !found || set == nil {
			continue
		}
		if seen[key] {
			return Statement{}, fmt.Errorf("the signed comment has the field %s twice; sign the file again with edgec sign", key)
		}
		seen[key] = true
		if !set(&s, value) {
			return Statement{}, fmt.Errorf("the signed comment has %s %q, which is no such value; sign the file again with edgec sign", key, value)
		}
	}
	return s, nil
}

// setters read the fields of a comment; they return false for a value of another form.
var setters = map[string]func(*Statement, string) bool{
	"timestamp": func(s *Statement, v string) bool {
		n, err := strconv.ParseInt(v, 10, 64)
		s.Time = time.Unix(n, 0).UTC()
		return err == nil && n >= 0 && s.Time.Year() <= 9999 // which JSON can hold
	},
	"file": func(s *Statement, v string) bool {
		s.File = v
		return len(v) <= mostName && plain(v)
	},
	"size": func(s *Statement, v string) (ok bool) {
		s.Size, ok = number(v, math.MaxInt64)
		return ok
	},
	"sha256": func(s *Statement, v string) bool { s.SHA256 = v; return isSum.MatchString(v) },
	"version": func(s *Statement, v string) bool {
		n, ok := number(v, MaxVersion)
		s.Version = int(n)
		return ok && n > 0
	},
	"target": func(s *Statement, v string) bool { s.Target = v; return isTarget.MatchString(v) },
	"base":   func(s *Statement, v string) bool { s.Base = v; return isSum.MatchString(v) },
}

// number reads a whole number in its only decimal form.
func number(text string, most int64) (int64, bool) {
	n, err := strconv.ParseInt(text, 10, 64)
	return n, err == nil && n >= 0 && n <= most && strconv.FormatInt(n, 10) == text
}
