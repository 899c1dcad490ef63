package registry

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"strings"
	"syscall"

	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// refusal is an error that says all by itself, behind the name of the artifact.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

// Causes of errors, for errors.Is.
var (
	ErrNotFound = errors.New("not found") // no such artifact, or a file of it is gone
	ErrDenied   = errors.New("refused")   // no login, a wrong one, or one without the right
	ErrContent  = errors.New("damaged")   // content that is not what its manifest names
)

// cause is an error with a text of ours that errors.Is finds the cause of.
type cause struct {
	text string
	of   error
}

func (c cause) Error() string { return c.text }
func (c cause) Unwrap() error { return c.of }

// explain returns err as one line about ref, with what to do. The end of ctx stays what it is.
func explain(ctx context.Context, ref Ref, err error) error {
	var r refusal
	var answer *errcode.ErrorResponse
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("%v: %w", ref, context.Cause(ctx))
	case errors.As(err, &r):
		return fmt.Errorf("%v: %w", ref, r.error)
	case errors.As(err, &answer):
		return explainAnswer(ref, answer)
	case errors.Is(err, auth.ErrBasicCredentialNotFound):
		return denied(ref, "needs a login, and docker's configuration has none for it")
	case damage(err) != "":
		return cause{fmt.Sprintf("%v: what %s has is not what the manifest names: %s; nothing of it was used: try again, and push it again if that does not help", ref, ref.place(), damage(err)), ErrContent}
	case errors.Is(err, io.ErrUnexpectedEOF):
		return cause{fmt.Sprintf("%v: %s ended before all was there; try again", ref, ref.place()), ErrContent}
	case errors.Is(err, errdef.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return cause{fmt.Sprintf("%v: not found in %s; check the name and the tag", ref, ref.place()), ErrNotFound}
	}
	if text := explainNetwork(ref, err); text != "" {
		return cause{fmt.Sprintf("%v: %s", ref, text), err}
	}
	return fmt.Errorf("%v: %w", ref, err)
}

// explainAnswer explains a status of HTTP.
func explainAnswer(ref Ref, answer *errcode.ErrorResponse) error {
	said := ""
	if len(answer.Errors) > 0 {
		said = " (" + shortened(answer.Errors[0].Error()) + ")"
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized:
		return denied(ref, "refuses the login"+said)
	case http.StatusForbidden:
		return denied(ref, "does not allow this"+said)
	case http.StatusNotFound:
		return cause{fmt.Sprintf("%v: not found in %s%s; check the name and the tag", ref, ref.place(), said), ErrNotFound}
	case http.StatusTooManyRequests:
		return fmt.Errorf("%v: %s has had too many requests; wait some minutes and try again", ref, ref.Host)
	}
	return fmt.Errorf("%v: %s answered %d %s%s; try again later, or ask whoever runs it", ref, ref.Host, answer.StatusCode, http.StatusText(answer.StatusCode), said)
}

func denied(ref Ref, what string) error {
	return cause{fmt.Sprintf("%v: %s %s; log in with docker login %s (or podman, oras), and check that the account may use %s", ref, ref.Host, what, ref.Host, ref.Repository), ErrDenied}
}

// explainNetwork says what keeps a registry from being reached, "" if err is something else.
func explainNetwork(ref Ref, err error) string {
	var header tls.RecordHeaderError
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &header), strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return ref.Host + " does not speak TLS; give --plain-http if the network between is yours"
	case errors.As(err, &unknown):
		return ref.Host + " has a certificate that this machine does not trust; name the file of its authority in SSL_CERT_FILE"
	case errors.As(err, &name):
		return ref.Host + " has a certificate for another name; check the name of the registry"
	case errors.As(err, &dns):
		return ref.Host + " is not known; check the name of the registry and the network"
	case errors.Is(err, syscall.ECONNREFUSED):
		return ref.Host + " refuses connections; check the port, and that a registry runs there"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, syscall.EPIPE):
		return ref.Host + " closed the connection; try again"
	case errors.As(err, &timeout) && timeout.Timeout():
		return ref.Host + " does not answer; check the network, and try again"
	}
	return ""
}

// damage says in what way content is not what its manifest names, "" if err is something else.
func damage(err error) string {
	switch {
	case errors.Is(err, content.ErrMismatchedDigest):
		return "its SHA-256 is another"
	case errors.Is(err, content.ErrTrailingData), errors.Is(err, content.ErrInvalidDescriptorSize), errors.Is(err, errSize),
		strings.Contains(err.Error(), "mismatch Content-Length"), strings.Contains(err.Error(), "mismatch content length"):
		return "its size is another"
	}
	return ""
}
