package measure

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestQuantiles holds them to the sorted list, over the range that latencies have.
func TestQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 20 {
		var h Histogram
		all := make([]int64, 10_000)
		for i := range all {
			all[i] = int64(1) << random.IntN(34)
			all[i] += random.Int64N(all[i])
			h.Add(all[i])
		}
		slices.Sort(all)
		for _, share := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
			exact := float64(all[int(share*float64(len(all)))-1])
			got := float64(h.Quantile(share))
			if off := got - exact; max(off, -off) > max(0.017*exact, unit) {
				t.Fatalf("%v: %v, not %v", share, got, exact)
			}
		}
		if h.Summary().Max != float64(all[len(all)-1])/1e6 {
			t.Fatal("the longest is another")
		}
	}
}

// TestBuckets: each duration lies in the bucket whose middle is next to it, and buckets follow one another.
func TestBuckets(t *testing.T) {
	last := 0
	for n := uint64(0); n < 1<<20; n++ {
		bucket := bucketOf(n)
		if bucket != last && bucket != last+1 {
			t.Fatalf("%d: bucket %d after %d", n, bucket, last)
		}
		last = bucket
		if off := middleOf(bucket) - float64(n); max(off, -off) > 0.008*float64(n)+0.5 {
			t.Fatalf("%d is in the bucket of %v", n, middleOf(bucket))
		}
	}
	var h Histogram
	h.Add(1 << 60)
	h.Add(-1)
	if h.Count != 2 {
		t.Fatal("not both were counted")
	}
}

func TestSummaryOfNothing(t *testing.T) {
	if new(Histogram).Summary() != nil {
		t.Fatal("a summary of nothing")
	}
}
