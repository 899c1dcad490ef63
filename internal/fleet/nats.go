package fleet

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// NATSOptions say how a server is reached.
type NATSOptions struct {
	Credentials string // file with the user's JWT and seed; "": none, or those of the address
	CA          string // file with certificates of those who may sign the server's; "": the system's
	Client      string // name that the server shows for this connection
}

// natsChannel is a channel in JetStream, which keeps the latest message of each subject, so that a
// device that was off gets it later:
//
//	bucket edgec-NAME, key desired        the signed document
//	bucket edgec-NAME, key report.DEVICE  the latest report of a device
//	object store edgec-NAME               programs and deltas, by their checksum
type natsChannel struct {
	address string // with the name, without a password or a token
	server  string
	bucket  string
	options NATSOptions

	mu      sync.Mutex
	conn    *nats.Conn
	stream  jetstream.JetStream
	keys    jetstream.KeyValue
	changes jetstream.KeyWatcher
	seen    uint64 // revision of the document that was read last
}

// Keys of the bucket.
const (
	documentKey  = "desired"
	reportPrefix = "report."
)

// dialTimeout is how long a server may take to answer a new connection.
const dialTimeout = 5 * time.Second

// IsNATS reports whether an address is that of a NATS server.
func IsNATS(address string) bool {
	return strings.HasPrefix(address, "nats://") || strings.HasPrefix(address, "tls://")
}

// NewNATS returns the channel of a NATS server with JetStream, nats://HOST[:PORT]/NAME, or tls://
// to insist on an encrypted connection. Nothing is connected before it is used, and a connection
// that is lost is made again.
func NewNATS(address string, o NATSOptions) (Channel, error) {
	u, err := url.Parse(address)
	if err != nil || !IsNATS(address) || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("fleet: %s: give the address of a NATS server and a name, such as nats://192.168.1.5:4222/cameras", Redacted(address))
	}
	name := strings.Trim(u.Path, "/")
	if err := CheckName(name); err != nil {
		return nil, fmt.Errorf("%w; it stands behind the host, as in nats://192.168.1.5:4222/cameras", err)
	}
	server := *u
	server.Path = ""
	if _, named := u.User.Password(); u.User != nil && !named { // a token, which is as secret as a password
		u.User = url.User("xxxxx")
	}
	return &natsChannel{address: u.Redacted(), server: server.String(), bucket: "edgec-" + name, options: o}, nil
}

// Redacted is an address that may be wrong, without a password or a token that it may have.
func Redacted(address string) string {
	if at := strings.LastIndexByte(address, '@'); at >= 0 && IsNATS(address) {
		return "nats://..." + address[at:]
	}
	return address
}

func (c *natsChannel) String() string { return c.address }

// Close is of Channel.
func (c *natsChannel) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil {
		c.conn.Close()
	}
	c.conn, c.keys, c.changes = nil, nil, nil
	return nil
}

// in is err as an error about the channel.
func (c *natsChannel) in(doing string, err error) error {
	switch {
	case err == nil || errors.Is(err, context.Canceled):
		return err
	case errors.Is(err, jetstream.ErrBucketNotFound), errors.Is(err, jetstream.ErrKeyNotFound), errors.Is(err, jetstream.ErrObjectNotFound):
		return fmt.Errorf("%s: %s: %w", c.address, doing, fs.ErrNotExist)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount):
		return fmt.Errorf("%s: %s: the server does not keep messages; start it with JetStream (nats-server -js)", c.address, doing)
	case errors.Is(err, nats.ErrAuthorization), errors.Is(err, nats.ErrPermissionViolation):
		return fmt.Errorf("%s: %s: the server does not permit that to this user: %w; give --nats-creds FILE", c.address, doing, err)
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return fmt.Errorf("%s: %s: the connection to the server is lost; it is made again when the server answers", c.address, doing)
	case errors.Is(err, nats.ErrNoServers), errors.Is(err, nats.ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %s: no answer: %w; is the server running and reachable?", c.address, doing, err)
	}
	return fmt.Errorf("%s: %s: %w", c.address, doing, err)
}

// connect returns JetStream of the connection, which it makes if there is none.
func (c *natsChannel) connect(ctx context.Context) (jetstream.JetStream, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn != nil && !c.conn.IsClosed() {
		return c.stream, nil
	}
	conn, err := dialNATS(ctx, c.server, c.options)
	if err != nil {
		return nil, err
	}
	stream, err := jetstream.New(conn)
	if err != nil {
		conn.Close()
		return nil, err
	}
	c.conn, c.stream, c.keys, c.changes = conn, stream, nil, nil
	return stream, nil
}

// dialNATS connects to a server. nats.Connect knows no context, so that a connection that comes
// after the end of ctx is closed behind its back.
func dialNATS(ctx context.Context, server string, o NATSOptions) (*nats.Conn, error) {
	options := []nats.Option{nats.Name(o.Client), nats.Timeout(dialTimeout), nats.MaxReconnects(-1),
		nats.ReconnectWait(time.Second), nats.ReconnectJitter(time.Second, 5*time.Second), nats.ReconnectBufSize(-1),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}), // it prints otherwise; each call has its own error
		nats.SetCustomDialer(&net.Dialer{Timeout: dialTimeout})}
	if o.Credentials != "" {
		options = append(options, nats.UserCredentials(o.Credentials))
	}
	if o.CA != "" {
		options = append(options, nats.RootCAs(o.CA))
	}
	if strings.HasPrefix(server, "tls://") {
		options = append(options, nats.Secure(&tls.Config{MinVersion: tls.VersionTLS12}))
	}
	type connected struct {
		conn *nats.Conn
		err  error
	}
	done := make(chan connected, 1)
	go func() {
		conn, err := nats.Connect(server, options...)
		done <- connected{conn, err}
	}()
	select {
	case c := <-done:
		return c.conn, c.err
	case <-ctx.Done():
		go func() {
			if late := <-done; late.err == nil {
				late.conn.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

// answer is how long the server may take for one request.
const answer = 5 * time.Second

// bucketOf returns the bucket, and begins to watch the document.
func (c *natsChannel) bucketOf(ctx context.Context) (jetstream.KeyValue, error) {
	stream, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.keys != nil {
		return c.keys, nil
	}
	keys, err := stream.KeyValue(ctx, c.bucket)
	if err != nil {
		return nil, err
	}
	changes, err := keys.Watch(context.WithoutCancel(ctx), documentKey)
	if err != nil {
		return nil, err
	}
	c.keys, c.changes = keys, changes
	return keys, nil
}

// onBucket calls do with the bucket, and once more with the one that is there now if the server has
// lost the bucket: devices follow it for years.
func (c *natsChannel) onBucket(ctx context.Context, do func(jetstream.KeyValue) error) error {
	keys, err := c.bucketOf(ctx)
	if err != nil {
		return err
	}
	err = do(keys)
	if !errors.Is(err, nats.ErrNoResponders) && !errors.Is(err, jetstream.ErrNoStreamResponse) && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	c.forget()
	if keys, err = c.bucketOf(ctx); err != nil {
		return err
	}
	return do(keys)
}

// Document is of Channel.
func (c *natsChannel) Document(ctx context.Context) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	var entry jetstream.KeyValueEntry
	err := c.onBucket(ctx, func(keys jetstream.KeyValue) (err error) {
		entry, err = keys.Get(ctx, documentKey)
		return err
	})
	if err != nil {
		return nil, c.in("reading the document", err)
	}
	if n := len(entry.Value()); n > MostDocument {
		return nil, foreignf("%s: the document has %d bytes, at most %d are allowed", c.address, n, MostDocument)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = entry.Revision()
	return entry.Value(), nil
}

// patience is how long a file may take: 20 s, and a second for each 16 KB.
func patience(bytes int64) time.Duration {
	return 20*time.Second + time.Duration(bytes/(16<<10))*time.Second
}

// File is of Channel.
func (c *natsChannel) File(ctx context.Context, sum string, bytes int64) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience(bytes))
	defer cancel()
	data, err := c.file(ctx, sum, bytes)
	var foreign *ForeignError
	if errors.As(err, &foreign) {
		return nil, err
	}
	return data, c.in(fmt.Sprintf("reading the file %.12s", sum), err)
}

func (c *natsChannel) file(ctx context.Context, sum string, bytes int64) ([]byte, error) {
	stream, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	objects, err := stream.ObjectStore(ctx, c.bucket)
	if err != nil {
		return nil, err
	}
	object, err := objects.Get(ctx, sum)
	if err != nil {
		return nil, err
	}
	defer object.Close()
	info, err := object.Info()
	if err != nil {
		return nil, err
	}
	if info.Size > uint64(bytes) {
		return nil, foreignf("%s: the file %.12s has %d bytes, the operator has signed one of %d", c.address, sum, info.Size, bytes)
	}
	return io.ReadAll(io.LimitReader(object, bytes))
}

// newBucket is how often Wait looks for a bucket that is not there yet.
const newBucket = 2 * time.Second

// Wait is of Channel. The server says when the document changes.
func (c *natsChannel) Wait(ctx context.Context, longest time.Duration) error {
	timer := time.NewTimer(longest)
	defer timer.Stop()
	for ctx.Err() == nil {
		c.mu.Lock()
		watch, seen := c.changes, c.seen
		c.mu.Unlock()
		var updates <-chan jetstream.KeyValueEntry
		var again <-chan time.Time
		if watch != nil {
			updates = watch.Updates()
		} else {
			again = time.After(newBucket)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			return nil
		case <-again:
			if _, err := c.bucketOf(ctx); err == nil {
				return nil
			}
		case entry, open := <-updates:
			if !open {
				c.forget()
				continue
			}
			if entry != nil && entry.Revision() > seen { // nil: the end of what was there before
				return nil
			}
		}
	}
	return ctx.Err()
}

// forget lets the next call open the bucket again, whose revisions may begin anew.
func (c *natsChannel) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != nil {
		c.changes.Stop() // what it watches may be gone
	}
	c.keys, c.changes, c.seen = nil, nil, 0
}

// Report is of Channel.
func (c *natsChannel) Report(ctx context.Context, device string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	put := func(keys jetstream.KeyValue) error {
		_, err := keys.Put(ctx, reportPrefix+device, data)
		return err
	}
	err := c.onBucket(ctx, put)
	if errors.Is(err, jetstream.ErrBucketNotFound) && c.Prepare(ctx) == nil { // the first of a fleet
		err = c.onBucket(ctx, put)
	}
	return c.in("sending the report", err)
}

// Publish is of Channel.
func (c *natsChannel) Publish(ctx context.Context, document []byte) error {
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	if err := c.Prepare(ctx); err != nil {
		return err
	}
	keys, err := c.bucketOf(ctx)
	if err == nil {
		_, err = keys.Put(ctx, documentKey, document)
	}
	return c.in("publishing the document", err)
}

// mostBucket bounds the document and all reports, in bytes: reports have about 500.
const mostBucket = 32 << 20

// Prepare makes the buckets, so that devices can report before anything is published.
func (c *natsChannel) Prepare(ctx context.Context) error {
	stream, err := c.connect(ctx)
	if err != nil {
		return c.in("connecting", err)
	}
	if _, err = stream.KeyValue(ctx, c.bucket); errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = stream.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: c.bucket, Description: "what edgec devices run", History: 1, MaxValueSize: MostDocument, MaxBytes: mostBucket})
	}
	if err != nil && !errors.Is(err, jetstream.ErrBucketExists) { // another may have made it meanwhile
		return c.in("making the bucket "+c.bucket, err)
	}
	if _, err = stream.ObjectStore(ctx, c.bucket); errors.Is(err, jetstream.ErrBucketNotFound) {
		_, err = stream.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{Bucket: c.bucket, Description: "programs of edgec devices"})
	}
	if errors.Is(err, jetstream.ErrBucketExists) {
		return nil
	}
	return c.in("making the object store "+c.bucket, err)
}

// Put is of Channel.
func (c *natsChannel) Put(ctx context.Context, sum string, data []byte) error {
	ctx, cancel := context.WithTimeout(ctx, patience(int64(len(data))))
	defer cancel()
	if err := c.Prepare(ctx); err != nil {
		return err
	}
	stream, err := c.connect(ctx)
	if err != nil {
		return c.in("connecting", err)
	}
	objects, err := stream.ObjectStore(ctx, c.bucket)
	if err == nil {
		if info, e := objects.GetInfo(ctx, sum); e == nil && info.Size == uint64(len(data)) {
			if has, e := Get(ctx, c, sum, int64(len(data))); e == nil && has != nil {
				return nil
			}
		}
		_, err = objects.PutBytes(ctx, sum, data)
	}
	return c.in(fmt.Sprintf("sending the file %.12s", sum), err)
}

// Prune is of Channel.
func (c *natsChannel) Prune(ctx context.Context, keep map[string]bool) error {
	ctx, cancel := context.WithTimeout(ctx, 6*answer)
	defer cancel()
	stream, err := c.connect(ctx)
	if err != nil {
		return c.in("removing old files", err)
	}
	objects, err := stream.ObjectStore(ctx, c.bucket)
	if err != nil {
		return c.in("removing old files", err)
	}
	all, err := objects.List(ctx)
	if err != nil && !errors.Is(err, jetstream.ErrNoObjectsFound) {
		return c.in("removing old files", err)
	}
	var errs []error
	for _, object := range all {
		if isSum.MatchString(object.Name) && !keep[object.Name] {
			errs = append(errs, c.in("removing an old file", objects.Delete(ctx, object.Name)))
		}
	}
	return errors.Join(errs...)
}

// Reports is of Channel.
func (c *natsChannel) Reports(ctx context.Context) (reports []Received, dropped int, err error) {
	ctx, cancel := context.WithTimeout(ctx, 6*answer)
	defer cancel()
	var entries map[string]jetstream.KeyValueEntry
	err = c.onBucket(ctx, func(keys jetstream.KeyValue) (err error) {
		entries, err = c.entries(ctx, keys)
		return err
	})
	if err = c.in("reading the reports", err); errors.Is(err, fs.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	for key, entry := range entries {
		r, err := decodeReport(strings.TrimPrefix(key, reportPrefix), entry.Value())
		if err != nil {
			dropped++
			continue
		}
		reports = append(reports, Received{r, entry.Created()})
	}
	return reports, dropped, nil
}

// entries returns the latest report under each key. The end that a watch announces comes too soon
// where reports are replaced at the same time, so the keys are counted before.
func (c *natsChannel) entries(ctx context.Context, keys jetstream.KeyValue) (map[string]jetstream.KeyValueEntry, error) {
	stream, err := c.stream.Stream(ctx, "KV_"+c.bucket)
	if err != nil {
		return nil, err
	}
	info, err := stream.Info(ctx, jetstream.WithSubjectFilter("$KV."+c.bucket+"."+reportPrefix+"*"))
	if err != nil {
		return nil, err
	}
	watch, err := keys.Watch(ctx, reportPrefix+"*")
	if err != nil {
		return nil, err
	}
	defer watch.Stop()
	seen, entries := map[string]bool{}, map[string]jetstream.KeyValueEntry{}
	for len(seen) < min(len(info.State.Subjects), MostReports) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case entry, open := <-watch.Updates():
			if !open {
				return nil, nats.ErrConnectionClosed
			}
			if entry == nil {
				continue
			}
			seen[entry.Key()] = true
			if entries[entry.Key()] = entry; entry.Operation() != jetstream.KeyValuePut {
				delete(entries, entry.Key())
			}
		}
	}
	return entries, nil
}
