package main

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"

	"edgec/internal/dataset"
	"edgec/internal/tensor"

	"gonum.org/v1/gonum/dsp/fourier"
)

// The front end of MLPerf Tiny's anomaly detection, whose data set is not here: the inputs
// that its network takes, made from a recording (mlcommons/tiny,
// benchmark/training/anomaly_detection, common.py, file_to_vector_array, which calls
// librosa.feature.melspectrogram).

// The front end's sizes.
const (
	melRate   = 16000 // samples a second
	melWindow = 1024  // samples of a frame
	melHop    = 512   // from a frame of a vector to the next
	melBands  = 128
	melFrames = 5 // of a vector
)

// melStep is how many samples a vector begins after the one before, a divisor of melHop:
// MLPerf Tiny's begin a hop apart, and a minute has too few of those to train on.
const melStep = 64

// A quarter of the recording is the test part. Vectors that begin less than melGap
// samples after the part before it has ended are left out.
const (
	melTest = 4
	melGap  = melRate / 2
)

// readWave returns the samples of a RIFF WAVE file of 16-bit PCM, one channel, at melRate,
// as -1 to 1.
func readWave(file []byte) ([]float32, error) {
	if len(file) < 12 || string(file[:4]) != "RIFF" || string(file[8:12]) != "WAVE" {
		return nil, fmt.Errorf("not a WAVE file")
	}
	known := false
	for at := 12; at+8 <= len(file); {
		id, size := string(file[at:at+4]), int(binary.LittleEndian.Uint32(file[at+4:]))
		at += 8
		if size > len(file)-at {
			return nil, fmt.Errorf("chunk %q has %d bytes, the file %d after its head; it is truncated", id, size, len(file)-at)
		}
		body := file[at : at+size]
		switch {
		case id == "fmt " && size >= 16:
			format, channels, bits := binary.LittleEndian.Uint16(body), binary.LittleEndian.Uint16(body[2:]), binary.LittleEndian.Uint16(body[14:])
			rate := binary.LittleEndian.Uint32(body[4:])
			if format != 1 || channels != 1 || bits != 16 || rate != melRate {
				return nil, fmt.Errorf("format %d, %d channels, %d bits, %d samples a second; convert it to PCM, 1 channel, 16 bits, %d", format, channels, bits, rate, melRate)
			}
			known = true
		case id == "data" && known:
			wave := make([]float32, size/2)
			for i := range wave {
				wave[i] = float32(int16(binary.LittleEndian.Uint16(body[2*i:]))) / 32768
			}
			return wave, nil
		}
		at += size + size%2 // chunks begin at even places
	}
	return nil, fmt.Errorf("has no samples, or no format before them")
}

// melVectors returns what the network takes, [n, melFrames*melBands] in order of time, and
// how many of the last of them are the test part. Vector i has the frames that begin
// at i*melStep, i*melStep + melHop, ..., one after the other. There is none that reaches
// beyond the recording's ends, as MLPerf Tiny leaves the padded frames out.
//
// The test part lies in the last quarter of the recording, the rest ends before it, and
// no sample of the recording is in both.
func melVectors(wave []float32) (x []float32, test int) {
	frames := logMel(wave)
	const step = melHop / melStep
	boundary := len(wave) / melTest * (melTest - 1)
	for i := 0; i+(melFrames-1)*step < len(frames); i++ {
		begin := i * melStep
		if begin < boundary+melGap && begin+(melFrames-1)*melHop+melWindow > boundary {
			continue
		}
		for t := range melFrames {
			x = append(x, frames[i+t*step]...)
		}
		if begin >= boundary {
			test++
		}
	}
	return x, test
}

// logMel returns the log-mel energies, in decibels, of the frames that begin every melStep
// samples:
//
//	10 log10(sum_k bank[b][k] |X_k|^2 + eps)
//
// with X the discrete Fourier transform of the frame under a periodic Hann window and eps
// the distance from 1 to the next float64.
func logMel(wave []float32) [][]float32 {
	const eps = 0x1p-52
	bank := melBank(melRate, melWindow, melBands)
	fft := fourier.NewFFT(melWindow)
	window := make([]float64, melWindow)
	for i := range window {
		window[i] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(i)/melWindow)
	}
	frame, spectrum := make([]float64, melWindow), make([]complex128, melWindow/2+1)
	var out [][]float32
	for begin := 0; begin+melWindow <= len(wave); begin += melStep {
		for i, w := range window {
			frame[i] = w * float64(wave[begin+i])
		}
		fft.Coefficients(spectrum, frame)
		bands := make([]float32, melBands)
		for b, weights := range bank {
			energy := eps
			for k, w := range weights {
				if w > 0 {
					re, im := real(spectrum[k]), imag(spectrum[k])
					energy += w * (re*re + im*im)
				}
			}
			bands[b] = float32(10 * math.Log10(energy))
		}
		out = append(out, bands)
	}
	return out
}

// melBank returns weights [bands][n/2+1] for the power spectrum of n samples: triangles
// over frequencies that are evenly spaced from 0 to rate/2 on Slaney's mel scale, each of
// area 1 in hertz (librosa.filters.mel with its defaults: htk=False, norm="slaney").
func melBank(rate, n, bands int) [][]float64 {
	edges := make([]float64, bands+2)
	top := toMel(float64(rate) / 2)
	for i := range edges {
		edges[i] = fromMel(top * float64(i) / float64(bands+1))
	}
	bank := make([][]float64, bands)
	for b := range bank {
		lo, mid, hi := edges[b], edges[b+1], edges[b+2]
		bank[b] = make([]float64, n/2+1)
		for k := range bank[b] {
			f := float64(k) * float64(rate) / float64(n)
			bank[b][k] = max(0, min((f-lo)/(mid-lo), (hi-f)/(hi-mid))) * 2 / (hi - lo)
		}
	}
	return bank
}

// Slaney's mel scale (Auditory Toolbox, 1998): linear to 1000 Hz, 3 mel for 200 Hz, and
// logarithmic above, 27 mel for a factor of 6.4.
const (
	melKnee   = 15.0 // of 1000 Hz
	melLinear = 200.0 / 3
)

var melLog = math.Log(6.4) / 27

func toMel(hertz float64) float64 {
	if hertz < 1000 {
		return hertz / melLinear
	}
	return melKnee + math.Log(hertz/1000)/melLog
}

func fromMel(mel float64) float64 {
	if mel < melKnee {
		return mel * melLinear
	}
	return 1000 * math.Exp(melLog*(mel-melKnee))
}

// thinned returns every so many-th vector of both parts, the last ones being the test part.
func thinned(x []float32, size, test, every int) (some []float32, left int) {
	n := len(x) / size
	for i := range n {
		at := i
		if i >= n-test {
			at -= n - test
		}
		if at%every != 0 {
			continue
		}
		some = append(some, x[i*size:(i+1)*size]...)
		if i >= n-test {
			left++
		}
	}
	return some, left
}

// writeMel writes the vectors of a recording, or every so many-th, as an .npy file and
// returns how many of the last of them are the test part.
func writeMel(recording, path string, every int) (test int, err error) {
	file, err := os.ReadFile(recording)
	if err != nil {
		return 0, err
	}
	wave, err := readWave(file)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", recording, err)
	}
	x, test := melVectors(wave)
	if test == 0 {
		return 0, fmt.Errorf("%s: %d samples make no test part", recording, len(wave))
	}
	const size = melFrames * melBands
	x, test = thinned(x, size, test, every)
	return test, dataset.WriteNpy(path, tensor.Shape{len(x) / size, size}, x)
}
