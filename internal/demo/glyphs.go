package demo

import (
	"math/rand/v2"

	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/gobolditalic"
	"golang.org/x/image/font/gofont/goitalic"
	"golang.org/x/image/font/gofont/gomedium"
	"golang.org/x/image/font/gofont/gomediumitalic"
	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/gofont/goregular"

	"edgec/internal/dataset"
	"edgec/internal/tensor"
	"edgec/internal/train"
)

// Classes are the characters that are told apart, in the order of the
// network's outputs.
var Classes = []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "A", "B", "C", "D", "E", "F"}

// Side is the number of rows and columns of a picture.
const Side = 20

// Shape is the shape of a sample: one gray channel.
var Shape = tensor.Shape{1, Side, Side}

// The fonts. Those of the test part are never trained on.
var (
	trainFonts = [][]byte{goregular.TTF, goitalic.TTF, gobold.TTF, gobolditalic.TTF, gomono.TTF, gomonoitalic.TTF, gomonobold.TTF}
	testFonts  = [][]byte{gomedium.TTF, gomediumitalic.TTF, gomonobolditalic.TTF}
)

// Heights in pixels of the em square that characters are drawn at, before
// they are scaled at random.
const smallest, largest = 15, 21

// distortion is what happens to a drawn character.
var distortion = dataset.Augment{Rotate: 15, Scale: 0.15, Shear: 0.15, Shift: 2, Elastic: 1.2}

// Data draws the two parts: train samples in the fonts for training, test
// samples in fonts that training never sees. Every class has the same number
// of samples, or one more. Sample i depends on the seed, its part and i alone.
//
// A picture is a character drawn light on dark in a random font at a random
// height, turned, stretched, sheared, shifted and bent by dataset.Augmented,
// then given a random contrast and noise. Everything but the bending's
// coordinates is computed in integers or in float32 without fused
// multiplication, so the bytes are those of every CPU unless a coordinate of
// float64 falls within its last bit of a border between two float32.
func Data(seed uint64, train, test, threads int) (*dataset.Splits, error) {
	a, err := draw(trainFonts, train, seed, 1, threads)
	if err != nil {
		return nil, err
	}
	b, err := draw(testFonts, test, seed, 2, threads)
	if err != nil {
		return nil, err
	}
	return &dataset.Splits{Train: a, Test: b}, nil
}

// draw makes n samples in the given fonts.
func draw(fonts [][]byte, n int, seed, part uint64, threads int) (*dataset.Set, error) {
	plain, err := characters(fonts)
	if err != nil {
		return nil, err
	}
	// record k*each..(k+1)*each-1 of plain are class k
	each := plain.Len() / len(Classes)
	pick := make([]int, n)
	r := rand.New(rand.NewPCG(seed, part))
	warp, noise := r.Uint64(), r.Uint64()
	for i := range pick {
		pick[i] = i%len(Classes)*each + r.IntN(each)
	}
	warped := plain.Subset(pick).Augmented(warp, 1, distortion, threads)
	size := Shape.Size()
	bytes := make([]uint8, n*size)
	train.Parallel(threads, n, func(i int) {
		pix := bytes[i*size : (i+1)*size]
		warped.Bytes(i, pix)
		expose(pix, rand.NewPCG(noise, uint64(i)))
	})
	return dataset.FromBytes(Shape, bytes, warped.Labels, Classes)
}

// expose gives a picture a random darkest and lightest gray and adds noise of
// triangular distribution and random strength.
func expose(pix []uint8, r *rand.PCG) {
	const darkest, lightest, span, strongest = 80, 255, 110, 60
	u := r.Uint64()
	low := int(u & 0xffff * darkest >> 16)
	high := lightest - int(u>>16&0xffff*span>>16)
	strength := int(u >> 32 & 0xffff * strongest >> 16)
	for i, p := range pix {
		if i%4 == 0 {
			u = r.Uint64()
		}
		noise := int(u&0xff) + int(u>>8&0xff) - 255
		u >>= 16
		v := low + int(p)*(high-low)/255 + noise*strength/255
		pix[i] = uint8(max(0, min(255, v)))
	}
}
