package search

import "testing"

// Channels are cut while the drop stays within a fraction of what is accepted above
// the drop before any cut; limits alone accept limitsDrop more than that.
func TestChannelLimit(t *testing.T) {
	g := identity(t, 3, 1)
	s := asked(within(1))
	near(t, "from 0.1", s.channelLimit(g, 0.1), 0.1+channelShare*(1+roundSlack-0.1), 1e-12)
	near(t, "above what is accepted", s.channelLimit(g, 2), 2, 1e-12)
	s = asked(Objective{MaxSize: 1000})
	near(t, "limits only", s.channelLimit(g, 2), 2+channelShare*limitsDrop, 1e-12)
}
