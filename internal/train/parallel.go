package train

import "sync"

// parallel calls f(0..n-1) on up to Threads goroutines.
func (t *Trainer) parallel(n int, f func(i int)) { Parallel(t.cfg.Threads, n, f) }

// Parallel calls f(0), ..., f(n-1), each once, on up to threads goroutines and
// returns when all have.
func Parallel(threads, n int, f func(i int)) {
	if threads <= 1 || n <= 1 {
		for i := 0; i < n; i++ {
			f(i)
		}
		return
	}
	var wg sync.WaitGroup
	next := make(chan int, n)
	for i := 0; i < n; i++ {
		next <- i
	}
	close(next)
	for w := 0; w < min(threads, n); w++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for i := range next {
				f(i)
			}
		}()
	}
	wg.Wait()
}
