package runtime_test

import (
	"errors"
	"fmt"
	"image/color"
	"image/png"
	"log"
	"os"
	"sync"

	"edgec/runtime"
	"edgec/runtime/format"
)

// A file is loaded once and executed often: Load validates, NewSession
// allocates, Run does neither.
func Example() {
	m := load("../testdata/lenet-5.edgec")
	s, err := m.NewSession(runtime.Config{})
	check(err)
	check(s.SetInput(0, seven()))
	s.Run()
	fmt.Println("digit", largest(s.Output(0)))
	// Output: digit 7
}

// A broken file is refused before anything is executed.
func ExampleLoad() {
	file, err := os.ReadFile("../testdata/lenet-5.edgec")
	check(err)
	_, err = runtime.Load(file[:len(file)/2])
	var broken format.FormatError
	fmt.Println(errors.As(err, &broken))
	_, err = runtime.Load(file)
	fmt.Println(err)
	// Output:
	// true
	// <nil>
}

func ExampleModel_Info() {
	i := load("../testdata/lenet-5.edgec").Info()
	fmt.Println(i.Inputs, i.Outputs, i.Weights, i.Kept, i.Arena)
	// Output: [[28 28 1]] [[10]] 74774 7310 10080
}

// Sessions of one model run side by side, each in one goroutine.
func ExampleModel_NewSession() {
	m, x := load("../testdata/lenet-5.edgec"), seven()
	digits := make([]int, 4)
	var wait sync.WaitGroup
	for i := range digits {
		wait.Go(func() {
			s, err := m.NewSession(runtime.Config{})
			check(err)
			check(s.SetInput(0, x))
			s.Run()
			digits[i] = largest(s.Output(0))
		})
	}
	wait.Wait()
	fmt.Println(digits)
	// Output: [7 7 7 7]
}

// SetBytes takes pixels as they are in a picture, and applies the preprocessing that the
// file names. The inputs have to be set before every Run.
func ExampleSession_Run() {
	s, err := load("../testdata/lenet-5.edgec").NewSession(runtime.Config{})
	check(err)
	pixels := make([]byte, 28*28)
	for i, v := range seven() {
		pixels[i] = byte(255 * v)
	}
	for range 2 {
		check(s.SetBytes(0, pixels))
		s.Run()
		fmt.Println("digit", largest(s.Output(0)))
	}
	// Output:
	// digit 7
	// digit 7
}

func load(path string) *runtime.Model {
	file, err := os.ReadFile(path)
	check(err)
	m, err := runtime.Load(file)
	check(err)
	return m
}

// largest returns the index of the largest value.
func largest(y []float32) int {
	best := 0
	for i, v := range y {
		if v > y[best] {
			best = i
		}
	}
	return best
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// seven returns the 28x28 pixels of a picture, 0..1, row by row.
func seven() []float32 {
	f, err := os.Open("../examples/lenet-5/seven.png")
	check(err)
	defer f.Close()
	img, err := png.Decode(f)
	check(err)
	var x []float32
	for i := range 28 * 28 {
		g := color.GrayModel.Convert(img.At(i%28, i/28)).(color.Gray)
		x = append(x, float32(g.Y)/255)
	}
	return x
}
