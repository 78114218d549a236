// Imds serves a cloud's metadata in a network namespace, for tests and the demo.
// It is not installed.
//
//	imds -listen 169.254.169.254:80 scene.json
//
// It prints "listening on ADDRESS" once it answers, then a line for each request,
// and reads the file (an imdstest.Scene) anew on SIGHUP, which it confirms with
// "read FILE".
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/netbrk/netbrk/internal/cloud/imdstest"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "`address` and port to answer on")
	flag.Parse()
	if flag.NArg() != 1 {
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	if err := serve(ctx, *listen, flag.Arg(0), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "imds:", err)
		os.Exit(1)
	}
}

// serve answers until ctx ends.
func serve(ctx context.Context, address, file string, out io.Writer) error {
	scene, err := readScene(file)
	if err != nil {
		return err
	}
	metadata := imdstest.New(scene.Cloud, scene.Told)
	metadata.Play(scene)
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP) // before anybody is told that we are there
	defer signal.Stop(hup)

	listener, err := net.Listen("tcp", address)
	if err != nil {
		return fmt.Errorf("listening on %s: %w", address, err)
	}
	server := &http.Server{Handler: logged(metadata, out)}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	fmt.Fprintln(out, "listening on", listener.Addr())
	for {
		select {
		case <-ctx.Done():
			return server.Close()
		case err := <-ended:
			return err
		case <-hup:
			// A bad file is reported, and what was told before stays.
			if scene, err := readScene(file); err != nil {
				fmt.Fprintln(os.Stderr, "imds:", err)
			} else {
				metadata.Play(scene)
				fmt.Fprintln(out, "read", file)
			}
		}
	}
}

func readScene(file string) (imdstest.Scene, error) {
	raw, err := os.ReadFile(file)
	if err != nil {
		return imdstest.Scene{}, err
	}
	return imdstest.ParseScene(raw)
}

// logged prints a line for each request as it comes, which is not long: tests
// wait for them.
func logged(handler http.Handler, out io.Writer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(out, r.Method, r.URL.RequestURI())
		handler.ServeHTTP(w, r)
	})
}
