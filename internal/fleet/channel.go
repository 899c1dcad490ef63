package fleet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// Channel carries documents and files to devices, and reports back. Errors wrap fs.ErrNotExist
// where a document or a file is not there. Nothing that it returns has been checked. Wait is for one
// caller.
type Channel interface {
	// String names the channel for messages.
	String() string
	// Document returns the signed document, of at most MostDocument bytes.
	Document(ctx context.Context) ([]byte, error)
	// File returns the file with this SHA-256, which has so many bytes.
	File(ctx context.Context, sum string, bytes int64) ([]byte, error)
	// Wait returns when the document may have changed, and after the time at the latest.
	Wait(ctx context.Context, longest time.Duration) error
	// Report replaces the report of a device.
	Report(ctx context.Context, device string, data []byte) error

	// Prepare lets devices report before anything is published.
	Prepare(ctx context.Context) error
	// Publish replaces the document.
	Publish(ctx context.Context, document []byte) error
	// Put adds a file.
	Put(ctx context.Context, sum string, data []byte) error
	// Prune removes all files but those with these checksums.
	Prune(ctx context.Context, keep map[string]bool) error
	// Reports returns those of all devices; dropped is the number that cannot be read.
	Reports(ctx context.Context) (reports []Received, dropped int, err error)

	Close() error
}

// ErrNoReports says that a channel cannot carry reports.
var ErrNoReports = errors.New("fleet: a registry takes no reports; name a folder or a NATS server for them with --reports")

// A ForeignError says that a document or a file is not what the operator has signed.
type ForeignError struct{ reason string }

func (e *ForeignError) Error() string { return e.reason }

func foreignf(format string, v ...any) error { return &ForeignError{fmt.Sprintf(format, v...)} }

// Get returns a file of a channel whose checksum and length are right. The error is a
// *ForeignError if the file is another one.
func Get(ctx context.Context, from interface {
	File(ctx context.Context, sum string, bytes int64) ([]byte, error)
}, sum string, bytes int64) ([]byte, error) {
	data, err := from.File(ctx, sum, bytes)
	if err != nil {
		return nil, err
	}
	if int64(len(data)) != bytes {
		return nil, foreignf("the file %.12s has %d bytes, the operator has signed one of %d", sum, len(data), bytes)
	}
	if has := checksum(data); has != sum {
		return nil, foreignf("the file %.12s is another one: its checksum is %.12s", sum, has)
	}
	return data, nil
}

func checksum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}
