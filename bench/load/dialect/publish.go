package dialect

import "millrace/bench/load/socket"

// publish is the language of the controls of fan-out: a text frame subscribes and is answered, a binary one goes to all
// who did.
type publish struct {
	echo
}

func newPublish(base Base) Dialect { return &publish{echo{Base: base}} }

func (p *publish) Subscribe() { p.SendText("subscribe") }

func (p *publish) Publications(values []Value) Calls {
	payloads := each(values, MessagePack)
	frames := make([]Encoded, len(payloads))
	for i, payload := range payloads {
		frames[i] = Encoded{Bytes: socket.Frame(socket.Binary, payload)}
	}
	return Calls{frames, payloads}
}

func (p *publish) Frame(opcode byte, payload []byte) {
	if opcode == socket.Text {
		p.Ready(1)
	} else {
		p.Listener.Item(payload)
	}
}
