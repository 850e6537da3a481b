// Centrifuge: a server in Go whose clients speak JSON, with RPC and channels that keep a history to recover from.
package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/centrifugal/centrifuge"
)

// small is what the other contenders check with a schema: both members, of these types.
type small struct {
	N *float64 `json:"n"`
	S *string  `json:"s"`
}

func echo(input []byte) ([]byte, error) {
	var value small
	if json.Unmarshal(input, &value) != nil || value.N == nil || value.S == nil {
		return nil, centrifuge.ErrorBadRequest
	}
	return json.Marshal(value)
}

func reencoded(input []byte) ([]byte, error) {
	var text string
	if json.Unmarshal(input, &text) != nil {
		return nil, centrifuge.ErrorBadRequest
	}
	bytes, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, centrifuge.ErrorBadRequest
	}
	return json.Marshal(base64.StdEncoding.EncodeToString(bytes))
}

var procedures = map[string]func([]byte) ([]byte, error){"echo": echo, "bytes": reencoded}

func connected(client *centrifuge.Client) {
	client.OnRPC(func(call centrifuge.RPCEvent, answer centrifuge.RPCCallback) {
		run, known := procedures[call.Method]
		if !known {
			answer(centrifuge.RPCReply{}, centrifuge.ErrorMethodNotFound)
			return
		}
		value, err := run(call.Data)
		answer(centrifuge.RPCReply{Data: value}, err)
	})
	client.OnSubscribe(func(_ centrifuge.SubscribeEvent, allow centrifuge.SubscribeCallback) {
		options := centrifuge.SubscribeOptions{EnableRecovery: true, EnablePositioning: true}
		allow(centrifuge.SubscribeReply{Options: options}, nil)
	})
	client.OnPublish(func(publication centrifuge.PublishEvent, allow centrifuge.PublishCallback) {
		if _, err := echo(publication.Data); err != nil {
			allow(centrifuge.PublishReply{}, err)
			return
		}
		options := centrifuge.PublishOptions{HistorySize: 100, HistoryTTL: time.Minute}
		allow(centrifuge.PublishReply{Options: options}, nil)
	})
}

func main() {
	node, err := centrifuge.New(centrifuge.Config{})
	if err != nil {
		log.Fatal(err)
	}
	node.OnConnecting(func(context.Context, centrifuge.ConnectEvent) (centrifuge.ConnectReply, error) {
		return centrifuge.ConnectReply{Credentials: &centrifuge.Credentials{}}, nil
	})
	node.OnConnect(connected)
	if err := node.Run(); err != nil {
		log.Fatal(err)
	}
	handler := centrifuge.NewWebsocketHandler(node, centrifuge.WebsocketConfig{MessageSizeLimit: 1 << 20})
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), handler))
}
