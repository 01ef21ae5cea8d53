// Count the words of a file in a pool of workers, as part of a trace.
//
//	go run . ADDRESS FILE
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"go.opentelemetry.io/contrib/instrumentation/google.golang.org/grpc/otelgrpc"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"example/client/pool"
)

//go:generate mkdir -p pool
//go:generate protoc -I ../../../proto --go_out=pool --go_opt=paths=source_relative,Mpool.proto=example/client/pool --go-grpc_out=pool --go-grpc_opt=paths=source_relative,Mpool.proto=example/client/pool pool.proto

// OpenTelemetry on. Where spans go and as whose, OTEL_* variables say.
func telemetry(ctx context.Context) (*trace.TracerProvider, error) {
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, err
	}
	provider := trace.NewTracerProvider(trace.WithBatcher(exporter))
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	return provider, nil
}

func countWords(ctx context.Context, address, path string) (string, error) {
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithStatsHandler(otelgrpc.NewClientHandler())) // spans of calls, and traceparent in them
	if err != nil {
		return "", err
	}
	defer conn.Close()
	ctx, span := otel.Tracer("example").Start(ctx, "count words")
	defer span.End()
	argument, err := json.Marshal(path)
	if err != nil {
		return "", err
	}
	response, err := pool.NewPoolClient(conn).Execute(ctx, &pool.ExecuteRequest{
		Pool: "default", Tool: "word_stats", Arguments: map[string][]byte{"path": argument},
	})
	return string(response.GetResultJson()), err
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	provider, err := telemetry(ctx)
	if err != nil {
		log.Fatal(err)
	}
	result, err := countWords(ctx, os.Args[1], os.Args[2])
	if err := provider.Shutdown(ctx); err != nil {
		log.Print(err)
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(result)
}
