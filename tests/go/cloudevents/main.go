// A sender that uses CloudEvents' SDK for Go: reads events as lines of JSON, and prints for each the record in binary
// mode, in structured mode, and in structured mode with its data in base 64, in the notation of kcat -J.
//
//	cloudevents < events
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/IBM/sarama"
	"github.com/cloudevents/sdk-go/protocol/kafka_sarama/v2"
	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
)

type record struct {
	Key     string   `json:"key"`
	Headers []string `json:"headers"`
	Payload string   `json:"payload"`
}

func main() {
	// The SDK logs each structured event.
	log.SetOutput(io.Discard)
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 2_000_000)
	for lines.Scan() {
		given := event.New()
		if err := json.Unmarshal(lines.Bytes(), &given); err != nil {
			return err
		}
		given.SetExtension("partitionkey", given.Subject())
		if err := write(binding.WithForceBinary(context.Background()), given); err != nil {
			return err
		}
		structured := binding.WithForceStructured(context.Background())
		if err := write(structured, given); err != nil {
			return err
		}
		given.DataBase64 = true
		if err := write(structured, given); err != nil {
			return err
		}
	}
	return lines.Err()
}

func write(ctx context.Context, given event.Event) error {
	var message sarama.ProducerMessage
	if err := kafka_sarama.WriteProducerMessage(ctx, binding.ToMessage(&given), &message); err != nil {
		return err
	}
	key, err := message.Key.Encode()
	if err != nil {
		return err
	}
	value, err := message.Value.Encode()
	if err != nil {
		return err
	}
	made := record{Key: string(key), Payload: string(value)}
	for _, header := range message.Headers {
		made.Headers = append(made.Headers, string(header.Key), string(header.Value))
	}
	return json.NewEncoder(os.Stdout).Encode(made)
}
