"""Our own Lava processes, in a folder of their own: Lava executes every module that lies beside a Process."""
