//go:build !linux

// The load generator needs epoll.
package main

import "fmt"

func main() {
	fmt.Println(`{"error":"the load generator runs on Linux only: it needs epoll"}`)
}
