// Count the words of a file in a pool of workers, as part of a trace.
//
//	node client.js PROTO ADDRESS FILE
'use strict';

// OpenTelemetry on, before anything it shall know of. Where spans go and as whose, OTEL_*
// variables say.
const { NodeSDK } = require('@opentelemetry/sdk-node');
const { GrpcInstrumentation } = require('@opentelemetry/instrumentation-grpc');
const sdk = new NodeSDK({ instrumentations: [new GrpcInstrumentation()] });
sdk.start();

const { trace } = require('@opentelemetry/api');
const grpc = require('@grpc/grpc-js');
const loader = require('@grpc/proto-loader');

const [proto, address, path] = process.argv.slice(2);
const { snakepit } = grpc.loadPackageDefinition(loader.loadSync(proto));
const pool = new snakepit.pool.v1.Pool(address, grpc.credentials.createInsecure());

trace.getTracer('example').startActiveSpan('count words', (span) => {
  const request = {
    pool: 'default',
    tool: 'word_stats',
    arguments: { path: Buffer.from(JSON.stringify(path)) },
  };
  pool.Execute(request, { deadline: Date.now() + 10000 }, (error, response) => {
    if (error) console.error(error.message);
    else console.log(response.resultJson.toString());
    process.exitCode = error ? 1 : 0;
    span.end();
    pool.close();
    sdk.shutdown().catch((reason) => console.error(reason.message));
  });
});
