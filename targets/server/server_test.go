package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"edgec/export"
	"edgec/internal/testnet"
	"edgec/runtime/program"
)

// corner is testnet's network as a file.
func corner(t testing.TB) []byte {
	t.Helper()
	data, _, err := export.Encode(testnet.Corner("corner net"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// start serves the corner network with options that differ from small defaults.
func start(t *testing.T, change func(*options)) (*server, string) {
	t.Helper()
	built = program.Program{Model: corner(t), Edgec: "v1.2.3", Hash: "ab12", Target: "rpi-4"}
	o := options{workers: 2, queue: 4, maxBody: 1 << 16, maxPixels: 1 << 16, timeout: 10 * time.Second, drain: time.Second}
	change(&o)
	s, err := newServer(o)
	if err != nil {
		t.Fatal(err)
	}
	s.ready.Store(true)
	h := httptest.NewServer(s.routes())
	t.Cleanup(h.Close)
	return s, h.URL
}

// ask sends a request and returns status, headers and body.
func ask(t *testing.T, method, url string, body []byte) (int, http.Header, string) {
	t.Helper()
	q, err := http.NewRequest(method, url, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	return r.StatusCode, r.Header, string(text)
}

// The answer to a file is what the program prints with --json, also from many clients at once.
func TestPredict(t *testing.T) {
	_, url := start(t, func(*options) {})
	picture := testnet.LightCorner(t, 16)
	var want bytes.Buffer
	if code := built.Main([]string{"app", "--json", "--top", "2"}, bytes.NewReader(picture), &want, &want); code != 0 {
		t.Fatal(want.String())
	}
	var wait sync.WaitGroup
	for range 4 {
		wait.Go(func() {
			status, head, got := ask(t, "POST", url+"/predict?top=2", picture)
			if status != 200 || got != want.String() || head.Get("Content-Type") != "application/json" {
				t.Errorf("%d %s, want %s", status, got, want.String())
			}
		})
	}
	wait.Wait()
	raw := make([]byte, 16)
	raw[0] = 255
	if status, _, got := ask(t, "POST", url+"/predict", raw); status != 200 || !strings.Contains(got, `"label":"top left"`) {
		t.Errorf("raw bytes: %d %s", status, got)
	}
}

// What is wrong with a request is said with its status, in the form of its protocol.
func TestRefusals(t *testing.T) {
	_, url := start(t, func(o *options) { o.maxBody, o.maxPixels = 1000, 100 })
	infer := "/v2/models/corner%20net/infer"
	numbers := strings.TrimSuffix(strings.Repeat("0,", 16), ",")
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"POST", "/predict", strings.Repeat("\x00\x00\xc0\x7f", 16), 400, `{"schema":1,"error":{"message":"element 0 is NaN`},
		{"POST", "/predict", "text", 400, `{"schema":1,"error":{"message":"neither PNG, JPEG nor .npy`},
		{"POST", "/predict", "", 400, "it is empty"},
		{"POST", "/predict?top=x", strings.Repeat("x", 16), 400, "give a number from 1 on"},
		{"POST", "/predict", strings.Repeat("x", 1001), 413, "more than 1000 bytes"},
		{"POST", "/predict", string(testnet.LightCorner(t, 16)), 413, "16 x 16 pixels, at most 100"},
		{"GET", "/predict", "", 405, ""},
		{"GET", "/nothing", "", 404, ""},
		{"POST", infer, "{", 400, `{"error":"not a request`},
		{"POST", infer, `{"inputs":[]}`, 400, "0 inputs were given, the model has 1"},
		{"POST", infer, `{"inputs":[{"name":"x"}]}`, 400, "there is no input0"},
		{"POST", infer, `{"inputs":[{"name":"input0","datatype":"FP32","shape":[4,4],"data":[1]}]}`, 400, "shape [4 4]"},
		{"POST", infer, `{"inputs":[{"name":"input0","datatype":"FP32","shape":[1],"data":[1,2]}]}`, 400, "1 elements, data has 2"},
		{"POST", infer, `{"inputs":[{"name":"input0","datatype":"FP32","shape":[-1,-16],"data":[` + numbers + `]}]}`, 400, "shape [-1 -16]"},
		{"POST", infer, `{"inputs":[{"name":"input0","datatype":"BYTES","shape":[1,1,4,4],"data":[` + numbers + `]}]}`, 400, "give FP32"},
		{"POST", infer, `{"inputs":[{"name":"input0","datatype":"FP32","shape":[4,4],"data":[[0],[` + numbers + `]]}]}`, 400, "nested unevenly"},
		{"POST", infer, `{"inputs":[{"name":"input0","datatype":"FP32","shape":[1,1,4,4],"data":[[` + numbers + `]]}]}`, 400, "data is nested as [1 16]"},
		{"POST", infer, `{"inputs":[{"name":"input0","datatype":"FP32","shape":[1],"data":[null]}]}`, 400, "data holds null"},
		{"POST", infer, `{"inputs":[{"name":"input0","datatype":"FP32","shape":[1],"data":` + strings.Repeat("[", 300) + strings.Repeat("]", 300) + `}]}`, 400, "nested"},
		{"POST", infer, `{"inputs":[{"name":"input0","datatype":"FP32","shape":[2,8],"data":[` + numbers + `]}]}`, 400, "the array has shape 2x8"},
	} {
		status, _, got := ask(t, c.method, url+c.path, []byte(c.body))
		if status != c.status || !strings.Contains(got, c.want) {
			t.Errorf("%s %s %.40q: %d %s; want %d %s", c.method, c.path, c.body, status, got, c.status, c.want)
		}
	}
}

// The Open Inference Protocol describes the model and executes arrays.
func TestInfer(t *testing.T) {
	_, url := start(t, func(*options) {})
	for path, want := range map[string]string{
		"/v2":                           `{"extensions":[],"name":"edgec","version":"v1.2.3"}`,
		"/v2/health/live":               `{"live":true}`,
		"/v2/health/ready":              `{"ready":true}`,
		"/v2/models/corner%20net/ready": `{"ready":true}`,
		"/v2/models/corner%20net": `{"inputs":[{"name":"input0","datatype":"FP32","shape":[1,1,4,4]}],"name":"corner net",` +
			`"outputs":[{"name":"output0","datatype":"FP32","shape":[1,4]}],"platform":"edgec","versions":["1"]}`,
		"/healthz": "ok",
	} {
		if status, _, got := ask(t, "GET", url+path, nil); status != 200 || strings.TrimSpace(got) != want {
			t.Errorf("%s: %d %s, want %s", path, status, got, want)
		}
	}
	x := make([]float32, 16)
	x[15] = 0.75
	body, err := json.Marshal(inferRequest{ID: "seven", Inputs: []tensor{{"input0", "FP32", []int{1, 1, 4, 4}, elements{values: x}}}})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"model_name":"corner net","id":"seven","outputs":[{"name":"output0","datatype":"FP32","shape":[1,4],"data":[0,0,0,0.75]}]}` + "\n"
	if status, _, got := ask(t, "POST", url+"/v2/models/corner%20net/infer", body); status != 200 || got != want {
		t.Errorf("%d %s, want %s", status, got, want)
	}
	// nested data, and the version that the description names
	nested := `{"id":"seven","inputs":[{"name":"input0","datatype":"FP32","shape":[1,1,4,4],"data":[[[[0,0,0,0],[0,0,0,0], [0,0,0,0],[0,0,0,0.75]]]]}]}`
	want = strings.Replace(want, `"id"`, `"model_version":"1","id"`, 1)
	if status, _, got := ask(t, "POST", url+"/v2/models/corner%20net/versions/1/infer", []byte(nested)); status != 200 || got != want {
		t.Errorf("%d %s, want %s", status, got, want)
	}
	for path, want := range map[string]int{"/versions/1": 200, "/versions/1/ready": 200, "/versions/2": 404} {
		if status, _, got := ask(t, "GET", url+"/v2/models/corner%20net"+path, nil); status != want {
			t.Errorf("%s: %d %s", path, status, got)
		}
	}
}

// Clients that are slow to send a body take no place from others, and are told that time is up.
func TestSlowBodies(t *testing.T) {
	s, url := start(t, func(o *options) { o.workers, o.queue, o.maxBody, o.timeout = 1, 0, 100, 2*time.Second })
	var slow []*bufio.Reader
	for range 3 {
		c, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		fmt.Fprint(c, "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 60\r\n\r\n0123456789")
		slow = append(slow, bufio.NewReader(c))
	}
	for s.held.Load() < 30 {
		time.Sleep(time.Millisecond)
	}
	if status, _, got := ask(t, "POST", url+"/predict", make([]byte, 16)); status != 200 {
		t.Errorf("beside them: %d %s", status, got)
	}
	if status, _, got := ask(t, "POST", url+"/predict", make([]byte, 71)); status != 429 || !strings.Contains(got, "fill the memory") {
		t.Errorf("more bodies than there is memory: %d %s", status, got)
	}
	for _, c := range slow {
		r, err := http.ReadResponse(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		if text, _ := io.ReadAll(r.Body); r.StatusCode != 408 || !strings.Contains(string(text), "did not arrive within 2s") {
			t.Errorf("%d %s", r.StatusCode, text)
		}
	}
	if n := s.held.Load(); n != 0 || s.open.Load() != 0 {
		t.Errorf("%d bytes and %d requests are still counted", n, s.open.Load())
	}
}

// Options of the server do not go with files and options of other programs.
func TestMixed(t *testing.T) {
	for args, want := range map[string]string{
		"--top 3 --listen :80": "--listen serves, and --top", "photo.png --workers=2": "--workers serves, and photo.png",
		"--model other.edgec --queue 3 --json": "--queue serves, and --json", "--model other.edgec photo.png": "", "--top 3 photo.png": "", "-- --listen": "",
	} {
		err := mixed(new(options).flags(), strings.Fields(args))
		if got := fmt.Sprint(err); (err == nil) != (want == "") || !strings.HasPrefix(got, want) && want != "" {
			t.Errorf("%s: %v, want %q", args, err, want)
		}
	}
}

// A full queue refuses with the time to wait; a request that waits too long, or whose client has
// left, is not executed.
func TestQueue(t *testing.T) {
	s, url := start(t, func(o *options) { o.workers, o.queue, o.timeout = 1, 1, 300*time.Millisecond })
	s.metrics.executed(2500 * time.Millisecond)
	worker := <-s.workers // is busy
	picture := testnet.LightCorner(t, 16)
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			if status, _, got := ask(t, "POST", url+"/predict", picture); status != 503 || !strings.Contains(got, "no worker was free in time") {
				t.Errorf("%d %s", status, got)
			}
		})
	}
	for len(s.slots) < 2 {
		goruntime.Gosched()
	}
	if status, head, got := ask(t, "POST", url+"/predict", picture); status != 429 || head.Get("Retry-After") != "5" { // two of 2.5 s
		t.Errorf("%d, Retry-After %q: %s", status, head.Get("Retry-After"), got)
	}
	wait.Wait()
	s.workers <- worker
	if status, _, got := ask(t, "POST", url+"/predict", picture); status != 200 {
		t.Errorf("afterwards: %d %s", status, got)
	}
	_, head, text := ask(t, "GET", url+"/metrics", nil)
	for _, want := range []string{`edgec_requests_total{code="429"} 1`, `edgec_requests_total{code="503"} 2`, `edgec_requests_total{code="200"} 1`,
		"edgec_workers 1\n", "edgec_workers_busy 0\n", "edgec_requests_in_flight 0\n", "edgec_inference_duration_seconds_count 2\n",
		`edgec_inference_duration_seconds_bucket{le="+Inf"} 2`, `edgec_build_info{version="v1.2.3",model_sha256="ab12"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %q", want)
		}
	}
	if !strings.HasPrefix(head.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Errorf("type %q", head.Get("Content-Type"))
	}
	checkMetrics(t, text)
}

// checkMetrics reads each line as Prometheus does: a comment, or a name and a number, of a metric
// whose kind was said, with buckets that grow.
func checkMetrics(t *testing.T, text string) {
	t.Helper()
	kinds, last := map[string]string{}, 0.0
	for line := range strings.Lines(text) {
		var name, kind string
		if n, _ := fmt.Sscanf(line, "# TYPE %s %s", &name, &kind); n == 2 {
			kinds[name], last = kind, 0
			continue
		}
		if strings.HasPrefix(line, "# HELP ") {
			continue
		}
		key, number, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "} ")
		if !ok {
			key, number, ok = strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		}
		var v float64
		if _, err := fmt.Sscan(number, &v); err != nil || !ok {
			t.Errorf("line %q: %v", line, err)
		}
		name, _, _ = strings.Cut(key, "{")
		base := name
		for _, end := range []string{"_bucket", "_sum", "_count"} {
			base = strings.TrimSuffix(base, end)
		}
		if kinds[name] == "" && kinds[base] != "histogram" {
			t.Errorf("line %q: the kind of %s was not said", line, name)
		}
		if strings.HasSuffix(name, "_bucket") {
			if v < last {
				t.Errorf("line %q: fewer than in the bucket before", line)
			}
			last = v
		}
	}
}

// The process says that it is ready, and that it stops, and requests have time to finish.
func TestRun(t *testing.T) {
	if goruntime.GOOS != "linux" {
		t.Skip("systemd is of Linux")
	}
	built = program.Program{Model: corner(t)}
	socket := filepath.Join(t.TempDir(), "notify")
	told, err := net.ListenPacket("unixgram", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer told.Close()
	t.Setenv("NOTIFY_SOCKET", socket)
	t.Setenv("WATCHDOG_USEC", "20000")
	hear := func(want string) {
		t.Helper()
		b := make([]byte, 100)
		told.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, _, err := told.ReadFrom(b); err != nil || string(b[:n]) != want {
			t.Errorf("systemd is told %q, %v; want %q", b[:n], err, want)
		}
	}
	r, w := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	o := options{listen: "127.0.0.1:0", workers: 1, maxBody: 1000, maxPixels: 1, timeout: time.Second, drain: 2 * time.Second}
	go func() { ended <- run(ctx, func() {}, o, w) }()
	var url string
	if _, err := fmt.Fscanf(r, "serving corner net at %s 1 workers\n", &url); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, r)
	url = strings.TrimSuffix(url, ",")
	hear("READY=1")
	hear("WATCHDOG=1")
	body, more := io.Pipe() // a request that is not whole yet
	answered := make(chan string)
	go func() {
		a, err := http.Post(url+"/predict", "", body)
		if err != nil {
			answered <- err.Error()
			return
		}
		defer a.Body.Close()
		answered <- a.Status
	}()
	more.Write(make([]byte, 8))
	for range 1000 {
		if _, _, text := ask(t, "GET", url+"/metrics", nil); strings.Contains(text, "edgec_requests_in_flight 1\n") {
			break
		}
	}
	cancel()
	more.Write(make([]byte, 8))
	more.Close()
	if got := <-answered; got != "200 OK" {
		t.Errorf("a request that was there before the signal: %s", got)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("it still serves")
	}
}

// Options that cannot be are refused before anything is served.
func TestOptions(t *testing.T) {
	built = program.Program{}
	for _, args := range []string{"--workers 0", "--queue -1", "--max-body 0", "--max-pixels 0", "--timeout -1s", "--drain -1s", "--listen nowhere:x --model corner.edgec", "--model none.edgec", ""} {
		t.Chdir(t.TempDir())
		if err := os.WriteFile("corner.edgec", corner(t), 0o644); err != nil {
			t.Fatal(err)
		}
		var o options
		if err := o.flags().Parse(strings.Fields(args)); err != nil {
			t.Fatal(err)
		}
		if err := run(context.Background(), func() {}, o, io.Discard); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", args, err)
		}
	}
}
