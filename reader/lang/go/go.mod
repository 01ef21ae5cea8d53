module snakepit.dev/segment

go 1.19
