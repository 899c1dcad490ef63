package search

// AnswerTimes is how long the answer is measured; other files less.
const AnswerTimes = answerTimes

// SetClock measures inferences by another clock.
func (s *Study) SetClock(c Clock) { s.clock = c }
