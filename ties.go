package edgec

import (
	"time"

	"edgec/share"
)

// tieShare is how many points more than before the network may lose when pixels share weights.
const tieShare = filterShare * limitsDrop

// ties lets neighbouring pixels share weights for files of few weights, as long as the network
// bears it: one weight for a block of pixels says more than one for a pixel, and its place costs
// fewer bits.
func (s *search) ties() error {
	if !s.recipe.limitsOnly() {
		return nil
	}
	if fits, err := s.fits(s.net); err != nil || fits {
		return err
	}
	for start := s.start.drop; ; {
		since := time.Now()
		g := s.start.net.Clone()
		if shared, err := share.Pixels(g); err != nil || !shared {
			return err
		}
		next, err := s.observe("ties", g, s.rate)
		if err != nil {
			return err
		}
		ok := !next.diverged && next.drop-next.doubt <= start+tieShare
		s.stage("ties", g, next.drop, ok, "", since)
		if !ok {
			return nil
		}
		s.start, s.net = next, g
	}
}
