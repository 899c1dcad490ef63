package edgec

import (
	"context"
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

// FillValues is what a size is filled with when no weight has to go and tuning begins at
// a rate: the files, in order, int8 first.
func FillValues(m *Model, data *dataset.Splits, r Recipe, rate float64) ([]Point, error) {
	s, err := newSearch(context.Background(), m, data, r, nil)
	if err != nil {
		return nil, err
	}
	for _, stage := range []func() error{s.plain, s.warm} {
		if err := stage(); err != nil {
			return nil, err
		}
	}
	s.rate = rate
	err = s.fillValues(s.net)
	return s.points, err
}
