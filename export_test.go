package edgec

import (
	"context"
	"fmt"
	"time"

	"edgec/internal/dataset"
)

// Clock measures an inference of a file.
type Clock func(file []byte, long time.Duration) (time.Duration, error)

// AnswerTimes is how long the answer is measured; other files less.
const AnswerTimes = answerTimes

// CompressTimed is Compress by another clock, whose times do not vary.
func CompressTimed(ctx context.Context, m *Model, data *dataset.Splits, r Recipe, clock Clock, progress func(Progress)) (*Report, error) {
	s, err := newSearch(ctx, m, data, r, progress)
	if err != nil {
		return nil, err
	}
	s.clock = clock
	return s.compress(data.Test)
}

// FillRounded makes the files that a size is filled with when few weights have to go, int8
// first, and reports what the last one loses on the held-out samples themselves, in points,
// and whether the search would end there.
func FillRounded(m *Model, data *dataset.Splits, r Recipe) (files []Point, lost float64, enough bool, err error) {
	s, err := newSearch(context.Background(), m, data, r, nil)
	if err != nil {
		return nil, 0, false, err
	}
	if err := s.plain(); err != nil {
		return nil, 0, false, err
	}
	enough, err = s.fillRounded()
	return s.points, s.lost(s.points[len(s.points)-1]), enough, err
}

// RoundedWithin makes the rounded files within a drop, int8 first, and says of each whether it
// keeps the drop with its margin.
func RoundedWithin(m *Model, data *dataset.Splits, r Recipe) (files []Point, keeps []bool, err error) {
	s, err := newSearch(context.Background(), m, data, r, nil)
	if err != nil {
		return nil, nil, err
	}
	if err := s.plain(); err != nil {
		return nil, nil, err
	}
	err = s.roundedWithin()
	for _, p := range s.points {
		keeps = append(keeps, s.keeps(p))
	}
	for _, p := range s.points[1:] {
		if p.barred == p.Meets {
			return nil, nil, fmt.Errorf("%d bytes: meets %v, barred %v", p.Size, p.Meets, p.barred)
		}
	}
	return s.points, keeps, err
}
