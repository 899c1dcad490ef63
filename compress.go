package edgec

import (
	"context"
	"fmt"

	"edgec/internal/search"
)

// Compress searches for the best file within the options. It trains on the
// training part of the data, of which it holds a part out to decide by, and
// measures the answer once on the test part if there is one.
//
// The drop on the held-out part decides, sample by sample against the float
// network. A network that was trained on these samples (Options.TrainedOn) makes
// too few errors there. Then, with labels, its error is taken from the test part,
// which no candidate meets before the answer. That still flatters a file, which
// has some of this knowledge left: its margin makes up for it. A network that does
// better on the held-out part by more than 2 points knows it by heart, and is
// compared there all the same. Without a test part both are compared in
// distortions that neither has met. Files that are made without training know as
// much as the float network, and are compared with it on the held-out samples as
// they are.
//
// The search can be stopped at any time: when ctx ends or the budget is used up,
// the best file so far is the answer, and Report.Interrupted says so. The error is
// not nil when no file meets the options; the report then holds what was tried.
//
// A network that is quantized already is refused: see Pack.
//
// Cost: minutes to an hour on two cores for networks of up to a few million
// weights; Options.Effort and Options.Budget bound it.
func Compress(ctx context.Context, m *Model, d *Data, o Options) (*Report, error) {
	if err := o.Validate(); err != nil {
		return nil, err
	}
	if m.Quantized() {
		return nil, fmt.Errorf("edgec: %s is quantized already; Pack keeps its integers and results, in a smaller file; for a still smaller one compress the float network that it was made from", m.Name)
	}
	subject := search.Subject{Model: m.network(), Data: d.splits}
	if o.Teacher != nil {
		subject.Teacher = o.Teacher.network()
	}
	var observe func(search.Progress)
	if o.Progress != nil {
		observe = func(p search.Progress) { o.Progress(Progress(p)) }
	}
	study, err := search.New(ctx, subject, o.config(), observe)
	if err != nil {
		return nil, err
	}
	result, err := study.Run(ctx)
	if result == nil {
		return nil, err
	}
	return newReport(m, o, result), err
}
