# Beyond the common rules: what the tests of runtime/rpc need.

# The allocation-failure test fails the Nth of these in our code; gRPC keeps its own.
WRAP_rpc_oom_test := malloc calloc realloc
