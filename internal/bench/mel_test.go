package main

import (
	"encoding/binary"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"edgec/internal/dataset"
	"edgec/internal/deep"
)

// pcm is a WAVE file: a chunk that is skipped, of odd size, then the format and the samples.
func pcm(rate, channels int, samples []int16) []byte {
	le := binary.LittleEndian
	b := append([]byte("RIFF....WAVEodd "), 3, 0, 0, 0, 1, 2, 3, 0)
	b = le.AppendUint32(append(b, "fmt "...), 16)
	b = le.AppendUint16(le.AppendUint16(b, 1), uint16(channels))
	b = le.AppendUint32(le.AppendUint32(b, uint32(rate)), uint32(2*channels*rate))
	b = le.AppendUint16(le.AppendUint16(b, uint16(2*channels)), 16)
	b = le.AppendUint32(append(b, "data"...), uint32(2*len(samples)))
	for _, s := range samples {
		b = le.AppendUint16(b, uint16(s))
	}
	return b
}

func TestReadWave(t *testing.T) {
	file := pcm(melRate, 1, []int16{0, 16384, -32768, 1})
	wave, err := readWave(file)
	if want := []float32{0, 0.5, -1, 1.0 / 32768}; err != nil || !slices.Equal(wave, want) {
		t.Errorf("%v, %v; want %v", wave, err, want)
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":       {nil, "not a WAVE"},
		"another":     {[]byte("RIFF....AVI LIST"), "not a WAVE"},
		"stereo":      {pcm(melRate, 2, nil), "2 channels"},
		"slow":        {pcm(8000, 1, nil), "8000 samples a second"},
		"truncated":   {file[:len(file)-1], "truncated"},
		"no samples":  {file[:len(file)-16], "no samples"},
		"format last": {append(slices.Clone(file[:12]), file[48:]...), "no format"},
	} {
		if _, err := readWave(c.file); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// The filters are librosa's: the first numbers of its documentation (filters.mel(22050,
// 2048)), and triangles of area 1 whose peaks are where the mel scale says.
func TestMelBank(t *testing.T) {
	first := melBank(22050, 2048, 128)
	if got := math.Round(1000*first[0][1]) / 1000; first[0][0] != 0 || got != 0.016 || first[1][0] != 0 || first[127][1024] > 1e-12 {
		t.Errorf("first row %v", first[0][:4])
	}
	const rate, n = 16000, 1 << 16 // narrow bins: sums are integrals
	for b, row := range melBank(rate, n, 128) {
		area, top := 0.0, 0
		for k, w := range row {
			area += w * rate / n
			if w > row[top] {
				top = k
			}
		}
		if math.Abs(area-1) > 1e-3 {
			t.Errorf("filter %d has area %v", b, area)
		}
		mel := toMel(float64(top) * rate / n)
		if want := toMel(rate/2) * float64(b+1) / 129; math.Abs(mel-want) > 0.01 {
			t.Errorf("filter %d has its peak at %v mel, want %v", b, mel, want)
		}
	}
	for hertz, mel := range map[float64]float64{0: 0, 200: 3, 1000: 15, 6400: 42} {
		if math.Abs(toMel(hertz)-mel) > 1e-9 || math.Abs(fromMel(mel)-hertz) > 1e-9 {
			t.Errorf("%v Hz is %v mel, want %v; which is %v Hz", hertz, toMel(hertz), mel, fromMel(mel))
		}
	}
}

// TestLogMel computes some frames by the sum that defines the Fourier transform.
func TestLogMel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	wave := make([]float32, melWindow+5*melStep+melStep/2)
	for i := range wave {
		wave[i] = float32(0.3*math.Sin(0.4*float64(i)) + 0.01*r.NormFloat64())
	}
	frames := logMel(wave)
	if len(frames) != 6 {
		t.Fatalf("%d frames", len(frames))
	}
	bank := melBank(melRate, melWindow, melBands)
	const tol = 1e-3 // decibels; the faint bands are rounded differently
	for _, f := range []int{0, 5} {
		power := make([]float64, melWindow/2+1)
		for k := range power {
			sum := 0i
			for i := range melWindow {
				hann := math.Pow(math.Sin(math.Pi*float64(i)/melWindow), 2)
				sum += complex(hann*float64(wave[f*melStep+i]), 0) * cmplx.Rect(1, -2*math.Pi*float64(k*i%melWindow)/melWindow)
			}
			power[k] = real(sum)*real(sum) + imag(sum)*imag(sum)
		}
		for b, got := range frames[f] {
			energy := 0.0
			for k, p := range power {
				energy += bank[b][k] * p
			}
			if want := 10 * math.Log10(energy); math.Abs(float64(got)-want) > tol {
				t.Errorf("frame %d, band %d: %v dB, want %v", f, b, got, want)
			}
		}
	}
	if silence := logMel(make([]float32, melWindow)); math.Abs(float64(silence[0][7])+156.5356) > 1e-3 {
		t.Errorf("silence has %v dB, want 10 log10(2^-52)", silence[0][7])
	}
}

// Vectors are frames a hop apart, in order of time. The test part is the last quarter:
// what changes there changes no other vector, and the other way round.
func TestMelVectors(t *testing.T) {
	const size = melFrames * melBands
	r := rand.New(rand.NewPCG(4, 4))
	wave := make([]float32, 6*melRate)
	for i := range wave {
		wave[i] = float32(r.NormFloat64())
	}
	x, test := melVectors(wave)
	n := len(x) / size
	if want := (len(wave)/4-melGap-(melFrames-1)*melHop-melWindow)/melStep + 1; len(x)%size != 0 || test != want {
		t.Errorf("%d vectors, %d for the test; want %d", n, test, want)
	}
	if got, want := float64(n-test)*melStep, float64(len(wave)*3/4); got < want-melRate/2 || got > want {
		t.Errorf("%d vectors to train on, from %v samples of %v", n-test, got, want)
	}
	frames := logMel(wave)
	for f := range melFrames {
		if got := x[10*size+f*melBands:][:melBands]; !slices.Equal(got, frames[10+f*melHop/melStep]) {
			t.Errorf("frame %d of vector 10 is another", f)
		}
	}
	for i := range wave[:len(wave)*3/4] {
		wave[i] = 0
	}
	y, _ := melVectors(wave)
	part := (n - test) * size
	silent := func(v float32) bool { return v < -150 }
	if slices.ContainsFunc(y[:part], func(v float32) bool { return !silent(v) }) || !slices.Equal(y[part:], x[part:]) {
		t.Error("the part to train on hears the last quarter, or the test part what comes before it")
	}
	if short, test := melVectors(wave[:melWindow]); len(short) != 0 || test != 0 {
		t.Errorf("%d values of a short recording", len(short))
	}
}

// The file holds what was computed, and the row knows how much of it is for the test.
func TestWriteMel(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.npy")
	wave := make([]int16, 4*melRate)
	for i := range wave {
		wave[i] = int16(i * i)
	}
	in := filepath.Join(t.TempDir(), "x.wav")
	if err := os.WriteFile(in, pcm(melRate, 1, wave), 0o644); err != nil {
		t.Fatal(err)
	}
	test, err := writeMel(in, path, 1)
	if err != nil {
		t.Fatal(err)
	}
	sp, err := dataset.Open(path, dataset.Options{TestLast: test})
	if err != nil || sp.Test.Len() != test || sp.Train.Sample().Size() != melFrames*melBands {
		t.Fatalf("%v, %v", sp, err)
	}
	if err := os.WriteFile(in, pcm(melRate, 1, wave[:melRate]), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := writeMel(in, path, 1); err == nil || !strings.Contains(err.Error(), "no test part") {
		t.Errorf("a second: %v", err)
	}
	deep.Only(t) // the recording takes seconds
	dir := os.Getenv("EDGEC_DATA")
	if dir == "" {
		t.Skip("EDGEC_DATA is not set: the recording is not here")
	}
	for _, r := range rows {
		if r.audio == "" {
			continue
		}
		if test, err := writeMel(filepath.Join(dir, r.audio), path, 1); err != nil || test != r.testLast {
			t.Errorf("%s: %d samples for the test, %v; the row says %d", r.name, test, err, r.testLast)
		}
	}
}
