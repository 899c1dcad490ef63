package edgec

import (
	"time"

	"edgec/internal/passes"
)

// ties lets neighbouring pixels share weights as long as the network bears it, which may lose by it
// what it may by a cut of filters: one weight for a block of pixels says more than one for a pixel,
// and its place costs fewer bits.
func (s *search) ties() error {
	if fits, err := s.fits(s.net); err != nil || fits {
		return err
	}
	for start := s.start.drop; ; {
		since := time.Now()
		g := s.start.net.Clone()
		if shared, err := passes.PoolInput(g); err != nil || !shared {
			return err
		}
		next, err := s.observe("ties", g, s.rate)
		if err != nil {
			return err
		}
		ok := !next.diverged && next.drop-next.doubt <= s.filterLimit(g, start)
		s.stage("ties", g, next.drop, ok, "", since)
		if !ok {
			return nil
		}
		s.start, s.net = next, g
	}
}
