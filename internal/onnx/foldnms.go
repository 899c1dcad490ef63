package onnx

import (
	"cmp"
	"math"
	"slices"
)

// foldNonMaxSuppression chooses, for each batch and class, boxes by their score that do not
// overlap others by more than a threshold.
func foldNonMaxSuppression(n *node, in []*array) (*array, error) {
	boxes, err := n.operandOf(in, 0)
	if err != nil {
		return nil, err
	}
	scores, err := n.operandOf(in, 1)
	if err != nil {
		return nil, err
	}
	most := 0
	if v, err := n.integersOf(in, 2); err != nil {
		return nil, err
	} else if len(v) == 1 {
		most = int(max(0, min(v[0], maxActivation)))
	}
	overlap, least := float32(0), float32(math.Inf(-1))
	for i, to := range []*float32{&overlap, &least} {
		if i+3 < len(in) && in[i+3] != nil && len(in[i+3].f) == 1 {
			*to = in[i+3].f[0]
		}
	}
	if len(boxes.dims) != 3 || len(scores.dims) != 3 || boxes.dims[2] != 4 || scores.dims[0] != boxes.dims[0] || scores.dims[2] != boxes.dims[1] || !boxes.isFloat() || !scores.isFloat() {
		return nil, n.fail("", "boxes %v and scores %v do not fit together", boxes.dims, scores.dims)
	}
	count, classes := boxes.dims[1], scores.dims[1]
	chosen := ints()
	for b := range boxes.dims[0] {
		corners := make([][4]float32, count)
		for k := range corners {
			corners[k] = cornersOf([4]float32(boxes.f[(b*count+k)*4:][:4]), n.attrInt("center_point_box", 0) != 0)
		}
		for c := range classes {
			for _, k := range suppress(corners, scores.f[(b*classes+c)*count:][:count], most, overlap, least) {
				chosen.i = append(chosen.i, int64(b), int64(c), int64(k))
			}
		}
	}
	chosen.dims = []int{len(chosen.i) / 3, 3}
	return chosen, nil
}

// cornersOf returns the smaller and the larger corner of a box: of two corners, or of a middle
// (x, y) and sizes (width, height).
func cornersOf(b [4]float32, middle bool) [4]float32 {
	if middle {
		return [4]float32{b[1] - b[3]/2, b[0] - b[2]/2, b[1] + b[3]/2, b[0] + b[2]/2}
	}
	return [4]float32{min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])}
}

// suppress returns the boxes that are chosen, in order: at most most, with scores above least.
func suppress(boxes [][4]float32, scores []float32, most int, overlap, least float32) (chosen []int) {
	var order []int
	for k, s := range scores {
		if s > least {
			order = append(order, k)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	for _, k := range order {
		if len(chosen) >= most {
			break
		}
		if !slices.ContainsFunc(chosen, func(c int) bool { return intersection(boxes[c], boxes[k]) > overlap }) {
			chosen = append(chosen, k)
		}
	}
	return chosen
}

// intersection returns the area that boxes have in common over that of both together.
func intersection(a, b [4]float32) float32 {
	high, wide := min(a[2], b[2])-max(a[0], b[0]), min(a[3], b[3])-max(a[1], b[1])
	if high <= 0 || wide <= 0 {
		return 0
	}
	common := high * wide
	area := func(c [4]float32) float32 { return (c[2] - c[0]) * (c[3] - c[1]) }
	return common / (area(a) + area(b) - common)
}
