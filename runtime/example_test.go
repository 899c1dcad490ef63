package runtime_test

import (
	"fmt"
	"image/color"
	"image/png"
	"log"
	"os"

	"edgec/runtime"
)

// A file is loaded once and executed often: Load validates, NewSession
// allocates, Run does neither.
func Example() {
	file, err := os.ReadFile("../testdata/lenet-5.edgec")
	if err != nil {
		log.Fatal(err)
	}
	m, err := runtime.Load(file)
	if err != nil {
		log.Fatal(err)
	}
	s, err := m.NewSession(runtime.Config{})
	if err != nil {
		log.Fatal(err)
	}
	if err := s.SetInput(0, seven()); err != nil {
		log.Fatal(err)
	}
	s.Run()
	best := 0
	for i, v := range s.Output(0) {
		if v > s.Output(0)[best] {
			best = i
		}
	}
	fmt.Println("digit", best)
	// Output: digit 7
}

// seven returns the 28x28 pixels of a picture, 0..1, row by row.
func seven() []float32 {
	f, err := os.Open("../examples/lenet-5/seven.png")
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	img, err := png.Decode(f)
	if err != nil {
		log.Fatal(err)
	}
	var x []float32
	for i := range 28 * 28 {
		g := color.GrayModel.Convert(img.At(i%28, i/28)).(color.Gray)
		x = append(x, float32(g.Y)/255)
	}
	return x
}
