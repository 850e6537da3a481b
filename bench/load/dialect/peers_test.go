package dialect

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"millrace/bench/load/socket"
)

// The frames here are what the peers' own clients and servers sent to each other, as a proxy saw them; ids apart.
const (
	sevens  = "\a\a\a\a\a\a\a\a\a\a"
	base64s = `BwcHBwcHBwcHBw==`
	letter  = `{"n":123456,"s":"abcdefghijklmnop"}`
)

var sent = []struct {
	dialect, method string
	calls           int // in one turn
	frames          []string
}{
	{"SocketIO", "echo", 1, []string{`427["echo",` + letter + `]`}},
	{"SocketIO", "echo", 2, []string{`427["echo",` + letter + `]`, `428["echo",` + letter + `]`}},
	{"SocketIO", "bytes", 1, []string{`451-7["bytes",{"_placeholder":true,"num":0}]`, sevens}},
	{"TRPC", "echo", 1, []string{`{"id":7,"method":"query","params":{"input":` + letter + `,"path":"echo"}}`}},
	{"TRPC", "echo", 2, []string{`[{"id":7,"method":"query","params":{"input":` + letter + `,"path":"echo"}},` +
		`{"id":8,"method":"query","params":{"input":` + letter + `,"path":"echo"}}]`}},
	{"TRPC", "bytes", 1, []string{`{"id":7,"method":"query","params":{"input":"` + base64s + `","path":"bytes"}}`}},
	{"ORPC", "echo", 1, []string{`{"i":"7","p":{"u":"/echo","b":{"json":` + letter + `}}}`}},
	{"ORPC", "bytes", 1, []string{`{"i":"7","p":{"u":"/bytes","b":{"json":"` + base64s + `"}}}`}},
	{"CapnWeb", "echo", 1, []string{`["push",["pipeline",0,["echo"],[` + letter + `]]]`, `["pull",7]`}},
	{"CapnWeb", "echo", 2, []string{`["push",["pipeline",0,["echo"],[` + letter + `]]]`,
		`["push",["pipeline",0,["echo"],[` + letter + `]]]`, `["pull",7]`, `["pull",8]`}},
	{"CapnWeb", "bytes", 1, []string{`["push",["pipeline",0,["bytes"],[["bytes","BwcHBwcHBwcHBw"]]]]`, `["pull",7]`}},
	{"RPCWebsockets", "echo", 1, []string{`{"jsonrpc":"2.0","method":"echo","params":` + letter + `,"id":7}`}},
	{"RPCWebsockets", "bytes", 1, []string{`{"jsonrpc":"2.0","method":"bytes","params":["` + base64s + `"],"id":7}`}},
	{"Centrifuge", "echo", 1, []string{`{"rpc":{"method":"echo","data":` + letter + `},"id":7}`}},
	{"Centrifuge", "echo", 2, []string{`{"rpc":{"method":"echo","data":` + letter + `},"id":7}` + "\n" +
		`{"rpc":{"method":"echo","data":` + letter + `},"id":8}`}},
	{"Centrifuge", "bytes", 1, []string{`{"rpc":{"method":"bytes","data":"` + base64s + `"},"id":7}`}},
}

func TestCallsAreThoseOfTheClients(t *testing.T) {
	for _, c := range sent {
		value := Value{N: 123_456, S: "abcdefghijklmnop"}
		if c.method == "bytes" {
			value = Value{Bytes: []byte(sevens)}
		}
		d := Table[c.dialect].New(Base{Listener: &recorder{}})
		calls := d.Calls(c.method, slices.Repeat([]Value{value}, c.calls), c.calls)
		if len(calls.Frames) != 1 || len(calls.Frames[0].IDs) != c.calls {
			t.Errorf("%s %s: %d frames", c.dialect, c.method, len(calls.Frames))
			continue
		}
		frame := calls.Frames[0]
		for i, at := range frame.IDs {
			d.Patch(frame.Bytes, at, uint32(7+i))
		}
		if got := payloads(frame.Bytes); !slices.Equal(got, c.frames) {
			t.Errorf("%s %s:\n%q, not\n%q", c.dialect, c.method, got, c.frames)
		}
	}
}

// payloads is what is in frames of a client. Ids are as short as a client's own.
func payloads(frames []byte) (texts []string) {
	for len(frames) > 0 {
		length := int(frames[1] & 0x7f)
		if length == 126 {
			length = int(frames[2])<<8 | int(frames[3])
		}
		head := len(socket.Header(socket.Text, length))
		text := string(frames[head : head+length])
		for id := 7; id < 9; id++ {
			text = strings.ReplaceAll(text, fmt.Sprintf("%9d", id), fmt.Sprint(id))
			text = strings.ReplaceAll(text, fmt.Sprintf("%09d", id), fmt.Sprint(id))
		}
		texts = append(texts, text)
		frames = frames[head+length:]
	}
	return texts
}

var received = []struct {
	dialect string
	frames  []string
	answers int
	value   string
	items   int
	ends    int
}{
	{"SocketIO", []string{`437[` + letter + `]`, `438[` + letter + `]`}, 2, letter, 0, 0},
	{"SocketIO", []string{`461-7[{"_placeholder":true,"num":0}]`, sevens}, 1, sevens, 0, 0},
	{"SocketIO", []string{`42["item",` + letter + `]`, `42["news",` + letter + `]`, `437[]`}, 0, "", 2, 1},
	{"TRPC", []string{`{"id":7,"result":{"type":"data","data":` + letter + `}}`}, 1, letter, 0, 0},
	{"ORPC", []string{`{"i":"7","p":{"b":{"json":` + letter + `}}}`}, 1, letter, 0, 0},
	{"ORPC", []string{`{"i":"7","p":{"h":{"content-type":"text/event-stream"}}}`,
		`{"i":"7","t":3,"p":{"e":"message","d":{"json":` + letter + `}}}`, `{"i":"7","t":3,"p":{"e":"done","d":{}}}`}, 0, "", 1, 1},
	{"CapnWeb", []string{`["resolve",7,` + letter + `]`}, 1, letter, 0, 0},
	{"CapnWeb", []string{`["resolve",7,["bytes","BwcHBwcHBwcHBw"]]`}, 1, `["bytes","BwcHBwcHBwcHBw"]`, 0, 0},
	{"CapnWeb", []string{`["pipe"]`, `["stream",["pipeline",1,["write"],[` + letter + `]]]`,
		`["stream",["pipeline",1,["close"],[]]]`, `["release",1,1]`}, 0, "", 1, 1},
	{"RPCWebsockets", []string{`{"jsonrpc":"2.0","result":` + letter + `,"id":7}`}, 1, letter, 0, 0},
	{"RPCWebsockets", []string{`{"notification":"news","params":` + letter + `}`}, 0, "", 1, 0},
	{"Centrifuge", []string{`{"id":7,"rpc":{"data":` + letter + `}}` + "\n" + `{"id":8,"rpc":{"data":` + letter + `}}`}, 2, letter, 0, 0},
	{"Centrifuge", []string{`{"push":{"channel":"topic","pub":{"data":` + letter + `,"offset":1,"epoch":"kPMuebiN"}}}` + "\n" +
		`{"push":{"channel":"topic","pub":{"data":` + letter + `,"offset":2}}}`}, 0, "", 2, 0},
	{"JsonRpc", []string{`[9,` + letter + `]`}, 0, "", 1, 0},
}

func TestWhatTheServersSayIsFound(t *testing.T) {
	for _, c := range received {
		told := &recorder{}
		d := Table[c.dialect].New(Base{Listener: told})
		for _, frame := range c.frames {
			opcode := byte(socket.Text)
			if frame == sevens {
				opcode = socket.Binary
			}
			d.Frame(opcode, []byte(frame))
		}
		if len(told.ids) != c.answers || told.items != c.items || told.ends != c.ends {
			t.Errorf("%s %q: %d answers, %d items, %d ends", c.dialect, c.frames, len(told.ids), told.items, told.ends)
		}
		for i, value := range told.values {
			if told.ids[i] != uint32(7+i) || !bytes.Equal(value, []byte(c.value)) {
				t.Errorf("%s: answer to %d: %q", c.dialect, told.ids[i], value)
			}
		}
	}
}

// TestTheUnexpectedEndsTheRun: an error must never be counted as an answer.
func TestTheUnexpectedEndsTheRun(t *testing.T) {
	for _, c := range []struct{ dialect, frame string }{
		{"SocketIO", `44{"message":"no"}`},
		{"TRPC", `{"id":7,"error":{"message":"no","code":-32600}}`},
		{"ORPC", `{"i":"7","p":{"s":400,"b":{"json":{"code":"BAD_REQUEST"}}}}`},
		{"CapnWeb", `["reject",7,["error","Error","no"]]`},
		{"CapnWeb", `["abort",["error","Error","no"]]`},
		{"RPCWebsockets", `{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"},"id":7}`},
		{"Centrifuge", `{"id":7,"error":{"code":107,"message":"bad request"}}`},
		{"Centrifuge", `{"push":{"disconnect":{"code":3501,"reason":"bad request"}}}`},
	} {
		func() {
			defer func() {
				if _, failed := recover().(socket.Failure); !failed {
					t.Errorf("%s %q is taken for something", c.dialect, c.frame)
				}
			}()
			Table[c.dialect].New(Base{Listener: &recorder{}}).Frame(socket.Text, []byte(c.frame))
		}()
	}
}
