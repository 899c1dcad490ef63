package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
)

// Options are how a Client reaches registries.
type Options struct {
	PlainHTTP bool   // without TLS, also to other machines
	TLS       bool   // with TLS to this machine too, which is reached without it otherwise
	MaxBytes  int64  // sum of the bytes of an artifact's files; 0: DefaultTotal
	Agent     string // User-Agent; "": edgec
}

// Client reads and writes artifacts. It may be used by several goroutines.
//
// It takes credentials from docker's configuration ($DOCKER_CONFIG/config.json, else
// ~/.docker/config.json, and the helpers that it names), which it reads when the first
// registry is asked. Requests end with their context. A server that sends nothing for a minute
// is given up.
type Client struct {
	options Options
	http    func() (*auth.Client, error)
}

// New returns a client.
func New(o Options) *Client {
	if o.MaxBytes <= 0 {
		o.MaxBytes = DefaultTotal
	}
	if o.Agent == "" {
		o.Agent = "edgec"
	}
	return &Client{o, sync.OnceValues(func() (*auth.Client, error) {
		store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
		if err != nil {
			return nil, fmt.Errorf("docker's configuration, where edgec looks for credentials: %w; repair the file, or set DOCKER_CONFIG to another folder", err)
		}
		c := &auth.Client{Client: &http.Client{Transport: transport(silence)}, Cache: auth.NewCache(), Credential: credentials.Credential(store)}
		c.SetUserAgent(o.Agent)
		return c, nil
	})}
}

// silence is how long a server may send nothing.
const silence = time.Minute

// transport returns what sends requests. It tries a few times where a server is busy.
func transport(silence time.Duration) http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	dialer := &net.Dialer{Timeout: 15 * time.Second}
	t.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return impatient{c, silence}, nil
	}
	t.ResponseHeaderTimeout = silence
	t.MaxResponseHeaderBytes = 64 << 10
	tries := retry.NewTransport(t)
	tries.Policy = func() retry.Policy {
		return &retry.GenericPolicy{Retryable: retry.DefaultPredicate, Backoff: retry.DefaultBackoff, MinWait: 200 * time.Millisecond, MaxWait: 3 * time.Second, MaxRetry: 3}
	}
	return tries
}

// impatient is a connection that fails after a time of silence in both directions. While a large
// file goes out, nothing comes in, and that is no silence.
type impatient struct {
	net.Conn
	silence time.Duration
}

func (c impatient) Read(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Read(p)
}

func (c impatient) Write(p []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.silence)); err != nil {
		return 0, err
	}
	return c.Conn.Write(p)
}

// place is where artifacts are: a repository of a registry, or a layout.
type place interface {
	content.Storage
	Resolve(ctx context.Context, version string) (ocispec.Descriptor, error)
	Tag(ctx context.Context, manifest ocispec.Descriptor, tag string) error
	// Referrers calls fn with manifests that have this one as their subject.
	Referrers(ctx context.Context, manifest ocispec.Descriptor, artifactType string, fn func([]ocispec.Descriptor) error) error
}

// open returns the place of ref. Writing makes the folder of a layout.
func (c *Client) open(ref Ref, write bool) (place, func(), error) {
	if ref.Folder != "" {
		return openLayout(ref.Folder, write)
	}
	client, err := c.http()
	if err != nil {
		return nil, nil, err
	}
	r, err := remote.NewRepository(ref.Host + "/" + ref.Repository)
	if err != nil {
		return nil, nil, err
	}
	r.Client = client
	r.PlainHTTP = c.options.PlainHTTP || ref.loopback() && !c.options.TLS
	r.MaxMetadataBytes = mostManifest
	r.ReferrerListMaxPages = 16
	r.HandleWarning = func(remote.Warning) {} // a stranger's text, about what nobody here can change
	return r, func() {}, nil
}

// Resolve returns what a reference names now: the digest, the stated version and the files. It
// fetches the manifest and no file. Errors are one line that names ref and says what to do.
func (c *Client) Resolve(ctx context.Context, ref string) (*Artifact, error) {
	r, err := ParseRef(ref)
	if err != nil {
		return nil, err
	}
	p, done, err := c.open(r, false)
	if err != nil {
		return nil, err
	}
	defer done()
	a, err := c.resolve(ctx, p, r)
	if err != nil {
		return nil, explain(ctx, r, err)
	}
	return a, nil
}

// Digest returns the digest of the manifest that a reference names now. It is one small request,
// for those who ask often whether anything is new.
func (c *Client) Digest(ctx context.Context, ref string) (string, error) {
	r, err := ParseRef(ref)
	if err != nil {
		return "", err
	}
	p, done, err := c.open(r, false)
	if err != nil {
		return "", err
	}
	defer done()
	d, err := p.Resolve(ctx, r.version())
	if err != nil {
		return "", explain(ctx, r, err)
	}
	return string(d.Digest), nil
}

// resolve turns the name into a digest once and fetches the manifest with it, so that a tag that
// moves meanwhile changes nothing.
func (c *Client) resolve(ctx context.Context, p place, r Ref) (*Artifact, error) {
	d, err := p.Resolve(ctx, r.version())
	if err != nil {
		return nil, err
	}
	if err := checkManifest(d); err != nil {
		return nil, refusal{err}
	}
	raw, err := content.FetchAll(ctx, p, d)
	if err != nil {
		return nil, err
	}
	a, err := parse(raw, c.options.MaxBytes)
	if err != nil {
		return nil, refusal{err}
	}
	a.Ref, a.Digest, a.manifest = r, string(d.Digest), ocispec.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size}
	return a, nil
}

// Fetch returns the content of a file, after comparing it with its size and SHA-256. A file of
// more than limit bytes is refused before it is fetched.
func (c *Client) Fetch(ctx context.Context, a *Artifact, f File, limit int64) ([]byte, error) {
	if f.Bytes > limit {
		return nil, explain(ctx, a.Ref, refusal{fmt.Errorf("%s: has %d bytes, and at most %d are allowed", f.Name, f.Bytes, limit)})
	}
	r, err := c.Open(ctx, a, f)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r) // which never returns more than f.Bytes
}

// Open returns a stream of the content of a file. Its last Read returns io.EOF if size and
// SHA-256 are right, and else an error: what came before must not be used then.
func (c *Client) Open(ctx context.Context, a *Artifact, f File) (io.ReadCloser, error) {
	p, done, err := c.open(a.Ref, false)
	if err != nil {
		return nil, err
	}
	defer done()
	body, err := p.Fetch(ctx, f.descriptor())
	if err != nil {
		return nil, explain(ctx, a.Ref, fmt.Errorf("%s: %w", f.Name, err))
	}
	return &verified{content.NewVerifyReader(body, f.descriptor()), body, func(err error) error {
		return explain(ctx, a.Ref, fmt.Errorf("%s: %w", f.Name, err))
	}}, nil
}

// verified is a stream that ends with an error if the content is not what it should be.
type verified struct {
	*content.VerifyReader
	body    io.Closer
	explain func(error) error
}

func (v *verified) Read(p []byte) (int, error) {
	n, err := v.VerifyReader.Read(p)
	if errors.Is(err, io.EOF) {
		if wrong := v.Verify(); wrong != nil {
			return 0, v.explain(wrong)
		}
		return n, io.EOF
	}
	if err != nil {
		err = v.explain(err)
	}
	return n, err
}

func (v *verified) Close() error { return v.body.Close() }
