// A Kafka client in Go, as another team might have it: writes what it gets as lines of JSON, in the notation of kcat -J,
// with franz-go's own partitioner; or reads committed records of a topic from its beginning, and prints them likewise.
//
//	foreign write BOOTSTRAP < records
//	foreign read BOOTSTRAP TOPIC COUNT
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

type record struct {
	Topic     string   `json:"topic"`
	Partition int32    `json:"partition"`
	Key       string   `json:"key"`
	Headers   []string `json:"headers"`
	Payload   string   `json:"payload"`
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	switch {
	case len(args) == 2 && args[0] == "write":
		return write(ctx, args[1])
	case len(args) == 4 && args[0] == "read":
		count, err := strconv.Atoi(args[3])
		if err != nil {
			return err
		}
		return read(ctx, args[1], args[2], count)
	}
	return fmt.Errorf("usage: write BOOTSTRAP | read BOOTSTRAP TOPIC COUNT")
}

func write(ctx context.Context, bootstrap string) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(bootstrap))
	if err != nil {
		return err
	}
	defer client.Close()
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 2_000_000)
	for lines.Scan() {
		var given record
		if err := json.Unmarshal(lines.Bytes(), &given); err != nil {
			return err
		}
		sent := &kgo.Record{Topic: given.Topic, Key: []byte(given.Key), Value: []byte(given.Payload)}
		for i := 0; i+1 < len(given.Headers); i += 2 {
			sent.Headers = append(sent.Headers, kgo.RecordHeader{Key: given.Headers[i], Value: []byte(given.Headers[i+1])})
		}
		if err := client.ProduceSync(ctx, sent).FirstErr(); err != nil {
			return err
		}
		given.Partition = sent.Partition
		if err := print(given); err != nil {
			return err
		}
	}
	return lines.Err()
}

func read(ctx context.Context, bootstrap, topic string, count int) error {
	client, err := kgo.NewClient(
		kgo.SeedBrokers(bootstrap),
		kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()),
	)
	if err != nil {
		return err
	}
	defer client.Close()
	for count > 0 {
		fetches := client.PollFetches(ctx)
		for _, failed := range fetches.Errors() {
			return failed.Err
		}
		for records := fetches.RecordIter(); !records.Done(); count-- {
			got := records.Next()
			seen := record{Topic: got.Topic, Partition: got.Partition, Key: string(got.Key), Payload: string(got.Value)}
			for _, header := range got.Headers {
				seen.Headers = append(seen.Headers, header.Key, string(header.Value))
			}
			if err := print(seen); err != nil {
				return err
			}
		}
	}
	return nil
}

func print(said record) error {
	return json.NewEncoder(os.Stdout).Encode(said)
}
