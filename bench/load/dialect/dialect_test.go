package dialect

import (
	"bytes"
	"encoding/json"
	"testing"

	"millrace/bench/load/socket"
)

// recorder keeps what a dialect tells.
type recorder struct {
	ids    []uint32
	values [][]byte
	items  int
	ends   int
}

func (r *recorder) Ready(uint32) {}
func (r *recorder) Answer(id uint32, value []byte) {
	r.ids, r.values = append(r.ids, id), append(r.values, bytes.Clone(value))
}
func (r *recorder) Item([]byte) { r.items++ }
func (r *recorder) End()        { r.ends++ }
func (r *recorder) Room()       {}

func messages(count int) []Value {
	values := make([]Value, count)
	for i := range values {
		values[i] = Message(i, 16)
	}
	return values
}

// TestIDsArePatchedWhereTheyAre writes ids into frames of every shape, and reads them again.
func TestIDsArePatchedWhereTheyAre(t *testing.T) {
	read := map[string]func(t *testing.T, payload []byte, perFrame int) []uint32{
		"JsonRpc": func(t *testing.T, payload []byte, perFrame int) (ids []uint32) {
			calls := []json.RawMessage{payload}
			if perFrame > 1 {
				if err := json.Unmarshal(payload, &calls); err != nil {
					t.Fatalf("%q: %v", payload, err)
				}
			}
			for _, call := range calls {
				var parts []json.RawMessage
				var id uint32
				if json.Unmarshal(call, &parts) != nil || json.Unmarshal(parts[1], &id) != nil {
					t.Fatalf("%q is no call", call)
				}
				ids = append(ids, id)
			}
			return ids
		},
		"MsgpackRpc": func(t *testing.T, payload []byte, perFrame int) (ids []uint32) {
			r := Reader{Bytes: payload}
			if perFrame > 1 && r.Array() != perFrame {
				t.Fatalf("not %d calls", perFrame)
			}
			for r.At < len(payload) {
				r.Array()
				r.Uint()
				ids = append(ids, uint32(r.Uint()))
				r.Skip()
				r.Skip()
			}
			return ids
		},
		"Millrace": func(t *testing.T, payload []byte, _ int) (ids []uint32) {
			for r := (Reader{Bytes: payload}); r.At < len(payload); {
				r.Array()
				r.Uint()
				seq, id := r.Uint(), r.Uint()
				if seq != id {
					t.Fatalf("sequence %d of call %d", seq, id)
				}
				r.Uint()
				r.Skip()
				r.Bin()
				ids = append(ids, uint32(id))
			}
			return ids
		},
	}
	for name, idsOf := range read {
		for _, perFrame := range []int{1, 2, 16} {
			d := Table[name].New(Base{Listener: &recorder{}})
			calls := d.Calls("echo", messages(2*perFrame), perFrame)
			if len(calls.Frames) != 2 || len(calls.Expected) != 2*perFrame {
				t.Fatalf("%s: %d frames, %d answers", name, len(calls.Frames), len(calls.Expected))
			}
			for _, frame := range calls.Frames {
				for i, at := range frame.IDs {
					d.Patch(frame.Bytes, at, uint32(70_000+i))
				}
				head := socket.Header(socket.Binary, len(frame.Bytes))
				ids := idsOf(t, frame.Bytes[len(head):], perFrame)
				for i, id := range ids {
					if id != uint32(70_000+i) || len(ids) != perFrame {
						t.Fatalf("%s: ids %v", name, ids)
					}
				}
			}
		}
	}
}

// TestAnswersAreFound reads frames as the contenders write them.
func TestAnswersAreFound(t *testing.T) {
	value := string(MessagePack(Message(0, 16)))
	text := string(JSON(Message(0, 16)))
	for _, c := range []struct{ name, frame string }{
		{"JsonRpc", `[2,1,` + text + `]`},
		{"JsonRpc", `[[2,1,` + text + `],[2,123456,` + text + `]]`},
		{"MsgpackRpc", "\x93\x02\x01" + value},
		{"MsgpackRpc", "\x92\x93\x02\x01" + value + "\x93\x02\xcd\x01\x00" + value},
		{"MsgpackRpc", "\xdc\x00\x02\x93\x02\x01" + value + "\x93\x02\xce\x00\x01\x00\x00" + value},
		{"Millrace", "\x94\x11\x01\x01\xc4\x1b" + value},
		{"Millrace", "\x94\x11\x01\x01\xc4\x1b" + value + "\x92\x04\x07\x94\x11\x02\xcc\x80\xc4\x1b" + value},
	} {
		told := &recorder{}
		d := Table[c.name].New(Base{Listener: told})
		d.Calls("echo", messages(16), 16) // some learn the size of values here
		d.Frame(socket.Binary, []byte(c.frame))
		if len(told.ids) == 0 || told.ids[0] != 1 {
			t.Errorf("%s %q: answers %v", c.name, c.frame, told.ids)
		}
		for _, found := range told.values {
			if string(found) != value && string(found) != text {
				t.Errorf("%s %q: value %q", c.name, c.frame, found)
			}
		}
	}
}

// TestSizesAreTheSame holds what dialects rely on.
func TestSizesAreTheSame(t *testing.T) {
	for i := range 50_000 {
		m := Message(i, 16)
		if len(MessagePack(m)) != 27 || len(JSON(m)) != 35 {
			t.Fatalf("message %d: %d and %d bytes", i, len(MessagePack(m)), len(JSON(m)))
		}
	}
}

func TestSkip(t *testing.T) {
	all := []byte("\x81\xa1a\x93\x01\xcd\x01\x00\xcb\x00\x00\x00\x00\x00\x00\x00\x00")
	all = append(all, "\xc4\x02ab\xd9\x03abc\xda\x00\x01a\xc0\xc3\xff\xd0\x01\xd1\x01\x01\xd2\x00\x00\x00\x01"...)
	r := Reader{Bytes: all}
	for r.At < len(all) {
		before := r.At
		if r.Skip(); r.At <= before {
			t.Fatal("it stands still")
		}
	}
	if r.At != len(all) {
		t.Fatalf("it went to %d of %d", r.At, len(all))
	}
}
