// Package measure has what a run is measured with.
package measure

import "math/bits"

const (
	// steps: each doubling has so many buckets, so every quantile is exact to 1.6 percent.
	steps = 64
	// unit of the durations that are counted, in nanoseconds.
	unit = 100
)

// Histogram holds durations in buckets that grow with them; adding one costs a few nanoseconds.
type Histogram struct {
	Count   int
	max     int64
	buckets [steps * 40]uint32
}

// Add counts a duration in nanoseconds.
func (h *Histogram) Add(duration int64) {
	h.buckets[min(bucketOf(uint64(max(0, duration)/unit)), len(h.buckets)-1)]++
	h.Count++
	h.max = max(h.max, duration)
}

// Quantile is the duration that a share of all stayed within, as the middle of its bucket.
func (h *Histogram) Quantile(share float64) int64 {
	left := int64(share*float64(h.Count) + 0.999999)
	for i, count := range h.buckets {
		if left -= int64(count); left <= 0 {
			return min(h.max, int64(middleOf(i)*unit))
		}
	}
	return h.max
}

// Summary is what is told of a histogram, in milliseconds.
type Summary struct {
	P50  float64 `json:"p50"`
	P90  float64 `json:"p90"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p999"`
	Max  float64 `json:"max"`
}

// Summary is nil where nothing was counted.
func (h *Histogram) Summary() *Summary {
	if h.Count == 0 {
		return nil
	}
	at := func(share float64) float64 { return float64(h.Quantile(share)) / 1e6 }
	return &Summary{at(0.5), at(0.9), at(0.99), at(0.999), float64(h.max) / 1e6}
}

// bucketOf: below 64 one bucket each, then 64 for every doubling.
func bucketOf(n uint64) int {
	if n < steps {
		return int(n)
	}
	doublings := bits.Len64(n) - 6
	return doublings*steps + int(n>>(doublings-1)) - steps
}

func middleOf(bucket int) float64 {
	if bucket < steps {
		return float64(bucket)
	}
	doublings := bucket / steps
	width := float64(uint64(1) << (doublings - 1))
	return float64(bucket-doublings*steps+steps)*width + (width-1)/2
}
