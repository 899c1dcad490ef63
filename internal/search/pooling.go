package search

import (
	"context"
	"edgec/internal/passes"
	"time"
)

// inputPooling lets neighbouring pixels share weights while the drop stays within
// channelLimit: one weight for a block of pixels says more than one for a pixel,
// and its place costs fewer bits.
func inputPooling(ctx context.Context, s *Study, t Track) (Track, error) {
	if fits, err := s.fits(t.start.net); err != nil || fits {
		return t, err
	}
	for first := t.start.drop; ; {
		since := time.Now()
		g := t.start.net.Clone()
		if pooled, err := passes.PoolInput(g); err != nil || !pooled {
			return t, err
		}
		next, margin, err := s.score(ctx, "pooling", g, t.rate, t.margin)
		if err != nil {
			return t, err
		}
		t.margin = margin
		ok := !next.diverged && next.drop-next.doubt <= s.channelLimit(g, first)
		s.ledger.network("pooling", g, next.drop, ok, "", since)
		if !ok {
			return t, nil
		}
		t.start = next
	}
}
