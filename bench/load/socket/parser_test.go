package socket

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// serverFrame is a frame as a server sends it: without a mask.
func serverFrame(opcode byte, payload []byte) []byte {
	head := Header(opcode, len(payload))
	head = head[:len(head)-4]
	head[1] &^= 0x80
	return append(head, payload...)
}

type heard struct {
	opcode  byte
	payload []byte
}

func collect(into *[]heard) func(byte, []byte) bool {
	return func(opcode byte, payload []byte) bool {
		*into = append(*into, heard{opcode, bytes.Clone(payload)})
		return true
	}
}

// TestEverySplit cuts the same frames at every two places, around all three sizes of headers.
func TestEverySplit(t *testing.T) {
	var stream []byte
	var want []heard
	for i, length := range []int{0, 1, 125, 126, 127, 300} {
		payload := bytes.Repeat([]byte{byte(i + 1)}, length)
		want = append(want, heard{Binary, payload})
		stream = append(stream, serverFrame(Binary, payload)...)
	}
	for first := range len(stream) + 1 {
		for second := first; second <= len(stream); second++ {
			var got []heard
			p := parser{take: collect(&got)}
			p.feed(stream[:first])
			p.feed(stream[first:second])
			p.feed(stream[second:])
			same(t, got, want)
			if len(p.rest) != 0 {
				t.Fatalf("%d bytes are left of cuts at %d and %d", len(p.rest), first, second)
			}
		}
	}
}

// TestReadsOfAnySize reads as Conn does: into space first where a frame is cut.
func TestReadsOfAnySize(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		var stream []byte
		var want, got []heard
		for range 1 + random.IntN(8) {
			length := []int{0, 7, 125, 126, 65_535, 65_536, 70_000}[random.IntN(7)]
			payload := make([]byte, length)
			for i := range payload {
				payload[i] = byte(random.Uint32())
			}
			want = append(want, heard{Text, payload})
			stream = append(stream, serverFrame(Text, payload)...)
		}
		p := parser{take: collect(&got)}
		for len(stream) > 0 {
			size := min(1+random.IntN(40_000), len(stream))
			space := p.space()
			direct := copy(space, stream[:size])
			if direct > 0 {
				p.filled(direct)
			}
			p.feed(stream[direct:size])
			stream = stream[size:]
		}
		same(t, got, want)
	}
}

func TestFeedEndsWhenTold(t *testing.T) {
	count := 0
	p := parser{take: func(byte, []byte) bool { count++; return false }}
	two := append(serverFrame(Text, []byte("a")), serverFrame(Text, []byte("b"))...)
	if p.feed(two) || count != 1 {
		t.Fatalf("%d frames were handed out after the end", count)
	}
}

func TestHeaderIsMaskedWithZero(t *testing.T) {
	for length, size := range map[int]int{0: 6, 125: 6, 126: 8, 65_535: 8, 65_536: 14} {
		head := Header(Binary, length)
		if len(head) != size || head[1]&0x80 == 0 || !bytes.Equal(head[size-4:], make([]byte, 4)) {
			t.Errorf("header of %d bytes: % x", length, head)
		}
	}
}

func same(t *testing.T, got, want []heard) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d frames, not %d", len(got), len(want))
	}
	for i := range want {
		if got[i].opcode != want[i].opcode || !bytes.Equal(got[i].payload, want[i].payload) {
			t.Fatalf("frame %d is another: %d bytes, not %d", i, len(got[i].payload), len(want[i].payload))
		}
	}
}
